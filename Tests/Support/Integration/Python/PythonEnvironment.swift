import Foundation

/// The Python that peers run in; `Tests/peers.sh` makes it once.
package enum PythonEnvironment {
    /// The path of its interpreter.
    ///
    /// - Throws: ``ServerError`` with what is missing: a machine without Python fails the tests.
    package static func interpreter() async throws -> String {
        var environment = ProcessInfo.processInfo.environment
        // What a sanitizer preloads is not for other programs.
        environment["LD_PRELOAD"] = nil
        let output = try await Program.run(
            "/bin/bash",
            [tests + "/peers.sh"],
            environment: environment,
            limit: .seconds(300)
        )
        // Before it stands what had to be installed.
        guard let line = output.split(separator: "\n").last, line.hasPrefix("/") else {
            throw ServerError("Tests/peers.sh gave no interpreter:\n\(output)")
        }
        return String(line)
    }

    /// The folder of all tests.
    static let tests: String = {
        var path = URL(fileURLWithPath: #filePath)
        for _ in 0..<4 { path.deleteLastPathComponent() }
        return path.path
    }()
}
