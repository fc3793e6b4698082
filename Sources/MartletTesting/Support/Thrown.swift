package import Martlet

/// The error that `body` throws; `nil` if it throws none or another kind.
package func messagingError(_ body: () async throws -> Void) async -> MessagingError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? MessagingError
    }
}

/// The code of the error that `body` throws; `nil` if it throws none or another kind.
package func errorCode(_ body: () async throws -> Void) async -> MessagingError.Code? {
    await messagingError(body)?.code
}
