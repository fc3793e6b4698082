import IntegrationSupport
import Testing

/// The program that the tests run, which stands beside them.
enum ProgramUnderTest {
    /// Starts it.
    static func start(_ arguments: String...) throws -> ProgramRun { try start(arguments) }

    /// Starts it.
    static func start(_ arguments: [String], environment: [String: String] = [:]) throws -> ProgramRun {
        try ProgramRun(ofPackage: name, arguments, environment: environment)
    }

    /// Runs it to its end and returns what it has written; how it failed, if it did, is recorded.
    static func output(_ arguments: [String], environment: [String: String] = [:]) async throws -> String {
        let run = try start(arguments, environment: environment)
        #expect(try await run.waitForEnd() == .exited(0), "\(run.errors)")
        return run.output
    }

    /// Where it is.
    static var path: String { ProgramRun.path(ofPackage: name) }

    private static let name = "service-under-test"
}
