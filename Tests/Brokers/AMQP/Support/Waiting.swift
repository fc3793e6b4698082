import Foundation

/// Returns once a condition holds, which is looked at again and again.
func until(_ condition: () async throws -> Bool) async throws {
    while try await !condition() { try await Task.sleep(for: .milliseconds(10)) }
}

/// How often something is done that is after rare races: `MARTLET_TIMES` times as often, if that is set.
func times(_ count: Int) -> Int {
    count * (ProcessInfo.processInfo.environment["MARTLET_TIMES"].flatMap(Int.init) ?? 1)
}
