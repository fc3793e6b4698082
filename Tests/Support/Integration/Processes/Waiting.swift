/// Looks again and again until a condition holds. It is for what other processes do, which nothing announces; the test's time
/// limit ends it.
package func until(_ condition: () async throws -> Bool) async throws {
    while try await !condition() { try await Task.sleep(for: .milliseconds(2)) }
}
