import MartletSettings

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The socket by which a service tells systemd how it is, as sd_notify(3) describes it: one datagram a message.
final class NotifySocket: Sendable {
    /// The message could not be sent.
    struct Failure: Error {
        let code: Int32
        /// The service manager has yet to read what it was sent before.
        var isOfHaste: Bool { code == EAGAIN || code == ENOBUFS }
    }

    private let descriptor: Int32
    private let address: sockaddr_un
    private let length: socklen_t

    /// A socket to where `$NOTIFY_SOCKET` says: a path, or a name in the abstract namespace after an `@`.
    ///
    /// - Returns: `nil` if it says nothing, or nothing of these.
    init?(_ environment: SettingsEnvironment) {
        let name = Array((environment.variables["NOTIFY_SOCKET"] ?? "").utf8)
        var address = sockaddr_un()
        let room = MemoryLayout.size(ofValue: address.sun_path)
        // The kernel wants a zero behind a path; an abstract name ends where the address does.
        guard let first = name.first, "/@".utf8.contains(first), name.count < room else { return nil }
        let kind: Int32
        #if canImport(Darwin)
        kind = SOCK_DGRAM
        #else
        kind = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
        #endif
        descriptor = socket(AF_UNIX, kind, 0)
        guard descriptor >= 0 else { return nil }
        address.sun_family = sa_family_t(AF_UNIX)
        let isAbstract = first == UInt8(ascii: "@")
        withUnsafeMutableBytes(of: &address.sun_path) { path in
            path.copyBytes(from: name)
            if isAbstract { path[0] = 0 }
        }
        self.address = address
        let start = MemoryLayout.offset(of: \sockaddr_un.sun_path) ?? 2
        length = socklen_t(start + name.count + (isAbstract ? 0 : 1))
    }

    deinit { close(descriptor) }

    /// Sends a message; does not wait.
    func send(_ text: String) throws(Failure) {
        let bytes = Array(text.utf8)
        var address = address
        let flags: Int32
        #if canImport(Darwin)
        flags = MSG_DONTWAIT
        #else
        flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
        #endif
        let sent = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, bytes, bytes.count, flags, $0, length)
            }
        }
        guard sent == bytes.count else { throw Failure(code: errno) }
    }
}
