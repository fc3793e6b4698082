import IntegrationSupport

/// The program that the tests run, which stands beside them.
enum ProgramUnderTest {
    /// Where it is.
    static let path = ProgramRun.path(ofPackage: "service-under-test")

    /// Starts it.
    static func start(_ arguments: String...) throws -> ProgramRun { try start(arguments) }

    /// Starts it.
    static func start(_ arguments: [String], environment: [String: String] = [:]) throws -> ProgramRun {
        try ProgramRun(ofPackage: "service-under-test", arguments, environment: environment)
    }
}
