#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A folder that one process uses at a time, and its files.
///
/// They are opened by their names in the folder that was opened once, and never through a symbolic link: whoever can put one
/// there can't have it write elsewhere.
package final class LockedFolder: Sendable {
    private let path: String
    /// The folder itself, as an open file.
    package let descriptor: Int32
    /// The folder that it lies in, if it has been made just now.
    private let parent: Int32?
    private let lock: FileLock?

    /// Opens a folder, and makes one if there is none.
    ///
    /// - Parameter isReadOnly: whether to look at it alone: nothing is made, and somebody else may use it meanwhile.
    /// - Throws: ``MessagingError/Code/invalidArgument`` if it can't be used, or somebody else uses it or could.
    package init(_ path: String, isReadOnly: Bool = false) throws {
        var opened: [Int32] = []
        func keep(_ file: Int32) throws -> Int32 {
            guard file >= 0 else { throw Self.unusable(path, StoreFailure(of: "open")) }
            opened.append(file)
            return file
        }
        do {
            let isNew = !isReadOnly && mkdir(path, 0o700) == 0
            let folder = try keep(openFolder(path))
            descriptor = folder
            if isReadOnly {
                (parent, lock) = (nil, nil)
            } else {
                try Self.checkOwner(of: folder, path)
                parent = isNew ? try keep(openFolder("\(path)/..")) : nil
                lock = try Self.lock(folder, path)
            }
        } catch {
            for file in opened { close(file) }
            throw error
        }
        self.path = path
    }

    deinit {
        close(descriptor)
        if let parent { close(parent) }
    }

    /// The folders that have to be on the disk for the files to be there: it, and that in which it was made.
    package var descriptors: Set<Int32> { Set([descriptor, parent].compactMap { $0 }) }

    package func unlock() { lock?.release() }

    private static func lock(_ folder: Int32, _ path: String) throws -> FileLock {
        let file = openFile("lock", in: folder, O_RDWR | O_CREAT)
        guard file >= 0 else { throw unusable(path, StoreFailure(of: "open")) }
        do {
            return try FileLock(file)
        } catch {
            guard error.code == EWOULDBLOCK else { throw unusable(path, error) }
            throw MessagingError(.invalidArgument, "somebody else uses the store in \(path)")
        }
    }

    package func unusable(_ failure: StoreFailure) -> MessagingError { Self.unusable(path, failure) }

    private static func unusable(_ path: String, _ failure: StoreFailure) -> MessagingError {
        MessagingError(.invalidArgument, "the store's folder \(path) can't be used: \(failure)")
    }

    /// What others may write to a folder is theirs, whatever lies in it.
    private static func checkOwner(of folder: Int32, _ path: String) throws {
        var status = stat()
        guard fstat(folder, &status) == 0 else { throw unusable(path, StoreFailure(of: "fstat")) }
        let reason: String
        if status.st_uid != geteuid() {
            reason = "it belongs to the user \(status.st_uid), and this process to \(geteuid())"
        } else if status.st_mode & S_IWOTH != 0 {
            reason = "everybody may write to it"
        } else {
            return
        }
        throw MessagingError(.invalidArgument, "the store's folder \(path) can't be used: \(reason)")
    }

    // MARK: Files

    /// The path of a file, for people.
    package func path(of name: String) -> String { "\(path)/\(name)" }

    /// Opens a file of the folder. Anything but a file that is there itself is an error: a link, a device, a pipe.
    package func open(_ name: String, _ flags: Int32) throws(StoreFailure) -> Int32 {
        let file = openFile(name, in: descriptor, flags)
        guard file >= 0 else { throw StoreFailure(of: "open") }
        return file
    }

    /// The names of all that is in it.
    ///
    /// - Throws: if it can't be listed to its end: a folder of which nothing is known is not an empty one.
    package func names() throws(StoreFailure) -> [String] {
        // One of its own: what reads a folder also moves on in it.
        try FolderNames.all(in: openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC))
    }

    /// How many bytes a file has.
    package func size(of name: String) throws(StoreFailure) -> Int {
        var status = stat()
        guard fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { throw StoreFailure(of: "fstatat") }
        return Int(status.st_size)
    }

    /// Whether there is a file of a name, or may be one: a disk that can't tell has not said no.
    package func has(_ name: String) -> Bool {
        var status = stat()
        return fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT
    }

    package func remove(_ name: String) { unlinkat(descriptor, name, 0) }

    /// Gives a file another name. What had that is gone.
    package func rename(_ name: String, to other: String) throws(StoreFailure) {
        guard renameat(descriptor, name, descriptor, other) == 0 else { throw StoreFailure(of: "rename") }
    }
}

private func openFolder(_ path: String) -> Int32 { open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }

/// Opens a file of a folder. Anything but a file that is there itself is an error: a link, a device, a pipe.
private func openFile(_ name: String, in folder: Int32, _ flags: Int32) -> Int32 {
    let file = openat(folder, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o600)
    guard file >= 0 else { return file }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_nlink <= 1 else {
        close(file)
        errno = EINVAL
        return -1
    }
    return file
}
