import Foundation

extension ProgramRun {
    /// Starts a program of this package, which stands beside the tests.
    ///
    /// - Parameter environment: what its environment has besides a path, a locale, and what a sanitizer needs.
    package convenience init(
        ofPackage name: String,
        _ arguments: [String],
        environment: [String: String] = [:]
    ) throws {
        // The program is built with a sanitizer where the tests are.
        let sanitizing = ProcessInfo.processInfo.environment.filter { name, _ in
            ["LD_PRELOAD", "TSAN_OPTIONS", "ASAN_OPTIONS"].contains(name)
        }
        try self.init(
            Self.path(ofPackage: name),
            arguments,
            environment: sanitizing.merging(environment) { $1 }
        )
    }

    /// Where a program of this package is.
    package static func path(ofPackage name: String) -> String { products.appendingPathComponent(name).path }

    /// The folder that this process's program stands in.
    private static let products: URL = {
        #if os(Linux)
        let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "."
        return URL(fileURLWithPath: tests).deletingLastPathComponent()
        #else
        let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") } ?? .main
        return bundle.bundleURL.deletingLastPathComponent()
        #endif
    }()
}
