import IntegrationSupport

/// The program that the tests run, which stands beside them.
enum ProgramUnderTest {
    /// Starts it.
    static func start(_ arguments: String...) throws -> ProgramRun { try start(arguments) }

    /// Starts it.
    static func start(_ arguments: [String], environment: [String: String] = [:]) throws -> ProgramRun {
        try ProgramRun(ofPackage: name, arguments, environment: environment)
    }

    /// Where it is.
    static var path: String { ProgramRun.path(ofPackage: name) }

    private static let name = "service-under-test"
}
