import Martlet

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A folder for a test, which goes with it.
final class Folder: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/martlet-store-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw MessagingError("no-folder", "no folder could be made") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        for file in files { unlink("\(path)/\(file)") }
        rmdir(path)
    }

    var files: [String] { (try? Self.files(in: path)) ?? [] }

    static func files(in path: String) throws -> [String] {
        guard let directory = opendir(path) else { throw MessagingError("no-folder", "there is no \(path)") }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    static func bytes(of path: String) throws -> [UInt8] {
        let file = open(path, O_RDONLY)
        guard file >= 0 else { throw MessagingError("no-file", "there is no \(path)") }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        bytes.removeLast(bytes.count - max(0, read(file, &bytes, bytes.count)))
        return bytes
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        let file = open(path, O_WRONLY | O_TRUNC)
        guard file >= 0 else { throw MessagingError("no-file", "there is no \(path)") }
        defer { close(file) }
        pwrite(file, bytes, bytes.count, 0)
    }
}
