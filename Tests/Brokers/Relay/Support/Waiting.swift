import Foundation
import Martlet

/// The code of the error that a call throws; `nil` if it throws none, or another kind.
func errorCode(_ body: () async throws -> Void) async -> MessagingError.Code? {
    do {
        try await body()
        return nil
    } catch {
        return (error as? MessagingError)?.code
    }
}

/// Returns once a condition holds. The suite's time limit ends it otherwise.
func until(_ condition: () -> Bool) async throws {
    while !condition() { try await Task.sleep(for: .milliseconds(5)) }
}

/// What a file holds.
func fileBytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }
