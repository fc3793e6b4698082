import Martlet

/// Waits until a condition holds, or the test is over its time. It is for states that nothing announces.
func until(_ condition: () async throws -> Bool) async throws {
    while try await !condition() { try await Task.sleep(for: .milliseconds(2)) }
}

/// The error that `body` throws; `nil` if it throws none or another kind.
func messagingError(_ body: () async throws -> Void) async -> MessagingError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? MessagingError
    }
}

/// The code of the error that `body` throws; `nil` if it throws none or another kind.
func errorCode(_ body: () async throws -> Void) async -> MessagingError.Code? {
    await messagingError(body)?.code
}
