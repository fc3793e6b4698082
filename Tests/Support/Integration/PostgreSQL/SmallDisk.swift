import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A file system in memory that is soon full. Only where this process may mount one.
package struct SmallDisk: Sendable {
    /// Its folder, which belongs to whom a PostgreSQL server runs as.
    package let path: String

    /// Whether there can be one here.
    package static let isPossible: Bool = {
        #if os(Linux)
        guard let folder = try? TemporaryFolder("mount") else { return false }
        defer { folder.remove() }
        guard mount(folder.path, size: "4k") else { return false }
        umount(folder.path)
        return true
        #else
        return false
        #endif
    }()

    /// Runs a body with one, which is gone afterwards.
    package static func withDisk<Result>(
        megabytes: Int,
        _ body: (SmallDisk) async throws -> Result
    ) async throws -> Result {
        let folder = try TemporaryFolder("disk")
        defer { folder.remove() }
        chmod(folder.path, 0o711)
        chmod(folder.path + "/..", 0o711)
        let path = folder.path("small")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        guard mount(path, size: "\(megabytes)m") else { throw ServerError("no file system can be mounted at \(path)") }
        #if os(Linux)
        // What still has files open keeps them.
        defer { umount2(path, CInt(MNT_DETACH)) }
        #endif
        if geteuid() == 0, let user = getpwnam("postgres")?.pointee { chown(path, user.pw_uid, user.pw_gid) }
        chmod(path, 0o700)
        return try await body(SmallDisk(path: path))
    }

    /// Takes what room there is left.
    package func fill() async throws {
        let file = open(path + "/filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        defer { close(file) }
        let zeros = [UInt8](repeating: 0, count: 4_096)
        while write(file, zeros, zeros.count) == zeros.count {}
    }

    /// Gives it more room.
    package func grow(toMegabytes size: Int) async throws {
        let mount = try Program.find("mount", package: "mount")
        try await Program.run(mount, ["-o", "remount,size=\(size)m", path])
    }

    private static func mount(_ path: String, size: String) -> Bool {
        guard let mount = try? Program.find("mount", package: "mount") else { return false }
        return (try? Program.runBriefly(mount, ["-t", "tmpfs", "-o", "size=\(size)", "tmpfs", path])) != nil
    }
}
