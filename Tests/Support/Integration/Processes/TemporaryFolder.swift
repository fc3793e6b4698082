import Foundation
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A folder for one purpose, below the one that this process has for all of them.
///
/// That one is removed when this process ends, however it ends: a small process waits for it, as a ``ChildProcess``'s
/// keeper does.
package struct TemporaryFolder: Sendable, Hashable {
    package let path: String

    /// Creates a folder whose name begins with `name`.
    package init(_ name: String) throws {
        let number = Self.count.add(1, ordering: .relaxed).newValue
        path = try Self.root.get().path + "/\(name)-\(number)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    /// Whether it has not been removed.
    package var exists: Bool { FileManager.default.fileExists(atPath: path) }

    /// The path of a file or folder in this folder.
    package func path(_ name: String) -> String { path + "/" + name }

    /// Writes a text into a file of this folder and returns the file's path.
    @discardableResult
    package func write(_ text: String, to name: String) throws -> String {
        let path = path(name)
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    /// Removes the folder and all in it. What can't be removed now is removed at the end of this process.
    package func remove() {
        try? FileManager.default.removeItem(atPath: path)
    }

    private static let count = Atomic(0)
    private static let root = Result { try Root() }

    private struct Root {
        var path: String

        init() throws(ServerError) {
            let parent = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
            let template = strdup("\(parent)/martlet-XXXXXX")
            defer { free(template) }
            guard let template, mkdtemp(template) != nil else {
                throw ServerError("No folder in \(parent): \(String(cString: strerror(errno)))")
            }
            path = String(cString: template)

            // The servers are killed at the same moment; until the last one is, it may still write.
            let script = """
                read -r line
                tries=0
                until rm -rf -- "$1" || [ $tries -ge 100 ]; do tries=$((tries + 1)); sleep 0.1; done
                """
            // This process's side of the socket is never closed: the end of the process does that.
            let (_, end) = try ChildProcess.socketPair()
            defer { close(end) }
            _ = try Spawn(
                program: "/bin/sh",
                arguments: ["-c", script, "sh", path],
                environment: ["PATH": "/usr/bin:/bin"],
                input: end,
                isDeaf: true
            )()
        }
    }
}
