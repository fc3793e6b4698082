/// Looks again and again until a condition holds. It is for what other processes do, which nothing announces; the suite's
/// time limit ends it.
func until(_ condition: () async throws -> Bool) async throws {
    while try await !condition() { try await Task.sleep(for: .milliseconds(2)) }
}

/// The error that `body` throws as text; `nil` if it throws none.
func failure(_ body: () async throws -> Void) async -> String? {
    do {
        try await body()
        return nil
    } catch {
        return "\(error)"
    }
}
