import Martlet

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Small files of lines, without a library for it.
package enum TextFile {
    private static let limit = 64 << 20

    /// All of a file.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` if it can't be read or is no text.
    package static func read(_ path: String) throws -> String {
        guard let file = fopen(path, "r") else {
            throw MessagingError(.invalidArgument, "\(path) can't be read: \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count <= limit {
            let count = fread(&piece, 1, piece.count, file)
            guard count > 0 else { break }
            bytes += piece[..<count]
        }
        guard ferror(file) == 0, bytes.count <= limit, let text = String(validating: bytes, as: UTF8.self) else {
            throw MessagingError(.invalidArgument, "\(path) can't be read as text")
        }
        return text
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Has a file be a text, as a whole or not at all. One that is there keeps its owner and who may read it; a new one is its owner's
    /// alone.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` if it can't be written.
    static func write(_ text: String, to path: String) throws {
        let new = "\(path).\(getpid())"
        func failure() -> MessagingError {
            MessagingError(.invalidArgument, "\(path) can't be written: \(String(cString: strerror(errno)))")
        }
        let file = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw failure() }
        defer { unlink(new) }
        do {
            defer { close(file) }
            var old = stat()
            if stat(path, &old) == 0 {
                // Only root can give a file away; whoever may write in the folder may have his own instead.
                _ = fchown(file, old.st_uid, old.st_gid)
                guard fchmod(file, old.st_mode & 0o777) == 0 else { throw failure() }
            }
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Self.write(file, $0) }
                guard count >= 0 else { throw failure() }
                rest = rest.dropFirst(count)
            }
            guard fsync(file) == 0 else { throw failure() }
        }
        guard rename(new, path) == 0 else { throw failure() }
    }

    private static func write(_ file: CInt, _ bytes: UnsafeRawBufferPointer) -> Int {
        while true {
            #if canImport(Glibc)
            let count = Glibc.write(file, bytes.baseAddress, bytes.count)
            #elseif canImport(Musl)
            let count = Musl.write(file, bytes.baseAddress, bytes.count)
            #else
            let count = Darwin.write(file, bytes.baseAddress, bytes.count)
            #endif
            guard count < 0, errno == EINTR else { return count }
        }
    }

    /// The lines that say something, by their numbers from 1: no comments, no white space around.
    static func lines(of text: String) -> [(Int, Substring)] {
        text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated().compactMap {
            index,
            line in
            var line = line
            while line.first?.isWhitespace == true { line.removeFirst() }
            while line.last?.isWhitespace == true { line.removeLast() }
            return line.isEmpty || line.hasPrefix("#") ? nil : (index + 1, line)
        }
    }
}
