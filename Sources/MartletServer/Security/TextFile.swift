import Martlet

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Small files of lines, without a library for it.
enum TextFile {
    private static let limit = 64 << 20

    /// All of a file.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` if it can't be read or is no text.
    static func read(_ path: String) throws -> String {
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
