import Martlet

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What a file holds, of bounded size.
package enum FileContents {
    /// The most bytes that a file may have.
    package static let limit = 1 << 20

    /// The text of a file.
    ///
    /// - Throws: ``SettingsError`` if it can't be read, is too large or is not UTF-8. Its path is not among what that tells.
    package static func text(of path: String) throws(SettingsError) -> String {
        guard let text = try textIfPresent(of: path) else { throw unreadable(ENOENT) }
        return text
    }

    /// The text of a file; `nil` if there is none of this name.
    static func textIfPresent(of path: String) throws(SettingsError) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw unreadable(errno)
        }
        defer { close(file) }
        var all: [UInt8] = []
        while true {
            var count = 0
            all += [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, size in
                count = read(file, buffer.baseAddress, buffer.count)
                size = max(0, count)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw unreadable(errno)
            }
            if count == 0 { break }
            guard all.count <= limit else { throw SettingsError("it has more than \(SizeText.text(limit))") }
        }
        return try text(of: all)
    }

    /// The names of all that is in a folder; none if there is no folder of this name.
    ///
    /// - Throws: ``SettingsError`` with the system's reason alone.
    static func names(in folder: String) throws(SettingsError) -> [String] {
        do throws(StoreFailure) {
            return try FolderNames.all(at: folder)
        } catch {
            if error.code == ENOENT { return [] }
            throw SettingsError(String(cString: strerror(error.code)))
        }
    }

    private static func unreadable(_ code: Int32) -> SettingsError {
        var error = SettingsError("it can't be read: \(String(cString: strerror(code)))")
        error.isUnreadable = true
        return error
    }

    /// Bytes as text, without the mark that some editors begin a file with.
    static func text(of bytes: [UInt8]) throws(SettingsError) -> String {
        guard var text = String(validating: bytes, as: UTF8.self) else {
            // The first replacement that the bytes do not hold themselves.
            let valid = String(decoding: bytes, as: UTF8.self).utf8
            let same = zip(bytes, valid).prefix { $0 == $1 }.count
            throw SettingsError("it is not UTF-8", at: .end(of: String(decoding: bytes[..<same], as: UTF8.self)))
        }
        if text.unicodeScalars.first == "\u{FEFF}" { text.unicodeScalars.removeFirst() }
        return text
    }
}

extension SettingsError.Place {
    /// The place behind a text.
    static func end(of text: some StringProtocol) -> SettingsError.Place {
        var place = SettingsError.Place(line: 1, column: 1)
        for scalar in text.unicodeScalars { place.advance(over: scalar) }
        return place
    }

    /// Goes on by a scalar.
    mutating func advance(over scalar: Unicode.Scalar) {
        if scalar == "\n" {
            line += 1
            column = 1
        } else {
            column += 1
        }
    }
}
