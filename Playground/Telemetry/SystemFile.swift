#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Reads the small text files in which the kernel publishes its counters.
enum SystemFile {
    /// Reads a file to its end: the kernel gives such files no size that could be asked beforehand.
    ///
    /// - Parameters:
    ///   - path: Where the file is.
    ///   - limit: The most bytes that are taken. A longer file counts as unreadable, because a number that is cut in two
    ///     would pass for a smaller one.
    /// - Returns: The text, or `nil` if the file can't be read.
    static func text(at path: String, limit: Int = 4 << 20) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }

        let chunkSize = 16 << 10
        var chunk = [UInt8](repeating: 0, count: chunkSize)
        var bytes: [UInt8] = []
        while bytes.count <= limit {
            let count = read(descriptor, &chunk, chunkSize)
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            if count > 0 {
                bytes.append(contentsOf: chunk.prefix(count))
            } else if errno != EINTR {
                return nil
            }
        }
        return nil
    }
}
