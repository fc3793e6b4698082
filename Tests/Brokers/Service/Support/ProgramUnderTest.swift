import Foundation
import IntegrationSupport

/// The program that the tests run, which stands beside them.
enum ProgramUnderTest {
    static let path: String = {
        #if os(Linux)
        let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "."
        return URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("service-under-test").path
        #else
        let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") } ?? .main
        return bundle.bundleURL.deletingLastPathComponent().appendingPathComponent("service-under-test").path
        #endif
    }()

    /// Starts it.
    static func start(_ arguments: String...) throws -> ProgramRun { try start(arguments) }

    /// Starts it.
    static func start(_ arguments: [String], environment: [String: String] = [:]) throws -> ProgramRun {
        // What a sanitizer needs: the program is built with it, too.
        let sanitizing = ProcessInfo.processInfo.environment.filter { name, _ in
            ["LD_PRELOAD", "TSAN_OPTIONS", "ASAN_OPTIONS"].contains(name)
        }
        return try ProgramRun(path, arguments, environment: sanitizing.merging(environment) { $1 })
    }
}
