#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The names of all that is in a folder, `.` and `..` among them, in no order.
package enum FolderNames {
    /// - Parameter path: the folder's, which may be a symbolic link.
    /// - Throws: if there is none, or it can't be listed to its end: a folder of which nothing is known is not an empty one.
    package static func all(at path: String) throws(StoreFailure) -> [String] {
        try all(in: open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
    }

    /// - Parameter folder: what opening the folder returned. It is closed.
    static func all(in folder: Int32) throws(StoreFailure) -> [String] {
        guard folder >= 0 else { throw StoreFailure(of: "open") }
        guard let directory = fdopendir(folder) else {
            let failure = StoreFailure(of: "fdopendir")
            close(folder)
            throw failure
        }
        defer { closedir(directory) }
        var names: [String] = []
        while true {
            // Its end and its failure look alike but for this.
            errno = 0
            guard let entry = readdir(directory) else { break }
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            names.append(name)
        }
        let failure = StoreFailure(of: "readdir")
        guard failure.code == 0 else { throw failure }
        return names
    }
}
