import Martlet

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What is in a broker's store, before the broker opens it.
package struct StoreSummary: Sendable {
    package let folder: String
    /// `nil`: there is no folder yet, and one will be made.
    package let dump: StoreDump?

    /// Reads a store, also one that a broker uses, and changes nothing. Blocks.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` if a broker could not open it: it can't be read or made, or a file in it is
    ///   damaged, or of another version.
    package init(folder: String) throws {
        self.folder = folder
        var status = stat()
        guard stat(folder, &status) != 0, errno == ENOENT else {
            dump = try StoreDump(folder: folder)
            return
        }
        guard access(Self.parent(of: folder), W_OK) == 0 else {
            throw MessagingError(
                .invalidArgument,
                "the store's folder \(folder) can't be made: \(String(cString: strerror(errno)))"
            )
        }
        dump = nil
    }

    private static func parent(of path: String) -> String {
        let parts = path.split(separator: "/").dropLast().joined(separator: "/")
        return path.hasPrefix("/") ? "/" + parts : parts.isEmpty ? "." : parts
    }
}
