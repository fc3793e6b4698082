import Martlet

/// What a cell of the matrix finds wrong. It is thrown, so that the table knows.
struct Mismatch: Error, CustomStringConvertible {
    let description: String
}

/// Throws unless both are equal.
func require<Value: Equatable>(_ actual: Value, is expected: Value, _ what: String) throws {
    guard actual == expected else { throw Mismatch(description: "\(what): \(actual) instead of \(expected)") }
}

/// Throws unless a condition holds.
func require(_ condition: Bool, _ what: String) throws {
    guard condition else { throw Mismatch(description: what) }
}

/// Runs `background` until `body` is done.
func withBackground<Result: Sendable>(
    _ background: @escaping @Sendable () async throws -> Void,
    _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask {
            try await background()
            return nil
        }
        group.addTask { try await body() }
        defer { group.cancelAll() }
        while let result = try await group.next() {
            if let result { return result }
        }
        throw Mismatch(description: "the background ended before the body")
    }
}
