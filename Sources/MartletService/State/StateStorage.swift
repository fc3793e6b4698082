import Martlet

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The files of a state, which nobody else uses meanwhile: `<path>`, `<path>.previous`, `<path>.lock` and, while one of them is
/// written, a `.new`. Its calls block; it is used by one thread at a time.
package final class StateStorage: Sendable {
    /// Called before each system call by which a version is written, with its name. A test ends the process there, or throws.
    package typealias Hook = @Sendable (_ call: String) throws -> Void

    let path: String
    private let lock: FileLock
    private let before: Hook

    /// - Throws: ``StateFileError`` if the file is in use, or its folder can't be written to.
    init(_ path: String, before: @escaping Hook) throws(StateFileError) {
        self.path = path
        self.before = before
        _ = mkdir(Self.folder(of: path), 0o700)
        let file = open(path + ".lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            throw StateFileError(.unreadable, path, "\(StoreFailure(of: "open")) (\(path).lock)")
        }
        do {
            lock = try FileLock(file)
        } catch {
            guard error.code == EWOULDBLOCK else { throw StateFileError(.unreadable, path, "\(error)") }
            throw StateFileError(.inUse, path, "it is in use: does the service run a second time?")
        }
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    // MARK: Reading

    /// What the file holds; `nil` if there is none.
    func contents() throws(StateFileError) -> [UInt8]? { try contents(of: path) }

    func previousContents() throws(StateFileError) -> [UInt8]? { try contents(of: path + ".previous") }

    private func contents(of path: String) throws(StateFileError) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else {
            guard errno != ENOENT else { return nil }
            throw StateFileError(.unreadable, path, "\(StoreFailure(of: "open"))")
        }
        defer { close(file) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = read(file, &part, part.count)
            if count == 0 { return bytes }
            if count > 0 {
                bytes += part[..<count]
            } else if errno != EINTR {
                throw StateFileError(.unreadable, path, "\(StoreFailure(of: "read"))")
            }
        }
    }

    /// Gives a file that can't be used a name by which it is not read; it is there for people to look at.
    func putAside() throws(StateFileError) {
        guard rename(path, path + ".damaged") == 0 else {
            throw StateFileError(.unreadable, path, "\(StoreFailure(of: "rename"))")
        }
    }

    // MARK: Writing

    /// Replaces the file, and keeps what it held before.
    func write(_ bytes: [UInt8], former: [UInt8]?) throws(StateFileError) {
        do {
            if let former { try replace(path + ".previous", by: former) }
            try replace(path, by: bytes)
        } catch {
            throw StateFileError(.notWritten, path, "the new version could not be written: \(error)")
        }
        forceFolder()
    }

    /// Writes another file and moves it in the place of this one, so that there is a whole one at any moment.
    private func replace(_ path: String, by bytes: [UInt8]) throws {
        let new = path + ".new"
        // One that is left is of a process that was killed.
        unlink(new)
        try before("open")
        let file = open(new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw StoreFailure(of: "open") }
        do {
            do {
                defer { close(file) }
                keepMode(of: path, for: file)
                try write(bytes, to: file)
                try before("fsync")
                guard StoreDisk.system.sync(file) == 0 else { throw StoreFailure(of: "fsync") }
            }
            try before("rename")
            guard rename(new, path) == 0 else { throw StoreFailure(of: "rename") }
        } catch {
            unlink(new)
            throw error
        }
    }

    /// Whoever may read the file may read the next one.
    private func keepMode(of path: String, for file: Int32) {
        var status = stat()
        if stat(path, &status) == 0 { fchmod(file, status.st_mode & 0o777) }
    }

    private func write(_ bytes: [UInt8], to file: Int32) throws {
        var written = 0
        while written < bytes.count {
            try before("write")
            let count = bytes[written...].withUnsafeBytes { StoreDisk.system.write(file, $0) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw StoreFailure(of: "write") }
            written += count
        }
    }

    /// A file is in its folder for certain only when that is on the disk as well. If that fails the new version is there all the
    /// same, and the disk has more to say to the next one.
    private func forceFolder() {
        let folder = open(Self.folder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { return }
        _ = StoreDisk.system.sync(folder)
        close(folder)
    }
}
