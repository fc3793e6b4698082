internal import COpenSSL

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// How OpenSSL reads and writes a socket here. Its own way is `write`, which ends the process with SIGPIPE when the other
/// side has closed; this one is `send` without that signal, and it keeps the system's error.
enum SocketBIO {
    /// What the functions below share with the owner of the BIO, who frees it after the BIO.
    struct Socket {
        let descriptor: Int32
        /// The `errno` of the latest failure; 0 if there was none.
        var error: Int32 = 0
        /// Whether the other side sends no more.
        var isAtEnd = false
    }

    /// Makes a BIO, which does not close the descriptor.
    /// - Parameter socket: must outlive the BIO.
    static func make(_ socket: UnsafeMutablePointer<Socket>) -> OpaquePointer? {
        guard let method = method.pointer, let bio = BIO_new(method) else { return nil }
        BIO_set_data(bio, socket)
        #if canImport(Darwin)
        // There the signal is turned off for the socket, not for the call.
        var on: Int32 = 1
        setsockopt(socket.pointee.descriptor, SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
        #endif
        return bio
    }

    /// The table of functions. It is filled once, before anyone sees it, then only read, and never freed: so it may be
    /// shared between threads.
    private struct Method: @unchecked Sendable {
        let pointer: OpaquePointer?
    }

    private static let method: Method = {
        guard let method = BIO_meth_new(martlet_BIO_type_descriptor(), "martlet socket") else {
            return Method(pointer: nil)
        }
        BIO_meth_set_read(method) { bio, bytes, count in SocketBIO.read(bio, bytes, count) }
        BIO_meth_set_write(method) { bio, bytes, count in SocketBIO.write(bio, bytes, count) }
        BIO_meth_set_ctrl(method) { bio, command, _, _ in SocketBIO.control(bio, command) }
        return Method(pointer: method)
    }()

    private static func socket(of bio: OpaquePointer?) -> UnsafeMutablePointer<Socket>? {
        BIO_get_data(bio)?.assumingMemoryBound(to: Socket.self)
    }

    private static func read(_ bio: OpaquePointer?, _ bytes: UnsafeMutablePointer<CChar>?, _ count: Int32) -> Int32 {
        guard let socket = socket(of: bio), let bytes, count > 0 else { return 0 }
        martlet_BIO_clear_retry_flags(bio)
        var received: Int
        repeat { received = recv(socket.pointee.descriptor, bytes, Int(count), 0) } while received < 0 && errno == EINTR
        if received == 0 { socket.pointee.isAtEnd = true }
        if received < 0 {
            if errno == EAGAIN || errno == EWOULDBLOCK {
                martlet_BIO_set_retry_read(bio)
            } else {
                socket.pointee.error = errno
            }
        }
        // No more than was asked for, which fits.
        return Int32(received)
    }

    private static func write(_ bio: OpaquePointer?, _ bytes: UnsafePointer<CChar>?, _ count: Int32) -> Int32 {
        guard let socket = socket(of: bio), let bytes, count > 0 else { return 0 }
        martlet_BIO_clear_retry_flags(bio)
        var sent: Int
        repeat { sent = send(socket.pointee.descriptor, bytes, Int(count), flags) } while sent < 0 && errno == EINTR
        if sent < 0 {
            if errno == EAGAIN || errno == EWOULDBLOCK {
                martlet_BIO_set_retry_write(bio)
            } else {
                socket.pointee.error = errno
            }
        }
        return Int32(sent)
    }

    private static func control(_ bio: OpaquePointer?, _ command: Int32) -> Int {
        switch command {
        // There is nothing to flush; OpenSSL takes 0 for a failure.
        case BIO_CTRL_FLUSH: 1
        case BIO_CTRL_EOF: socket(of: bio)?.pointee.isAtEnd == true ? 1 : 0
        default: 0
        }
    }

    #if canImport(Darwin)
    private static let flags: Int32 = 0
    #else
    private static let flags = Int32(MSG_NOSIGNAL)
    #endif
}
