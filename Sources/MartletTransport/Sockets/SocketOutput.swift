#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Writing to a socket that never blocks, and whose other side may be gone.
package enum SocketOutput {
    /// - Returns: how many bytes the system took; below zero where it took none, and `errno` says why.
    package static func send(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer) -> Int {
        #if os(Linux)
        systemSend(descriptor, bytes.baseAddress, bytes.count, CInt(MSG_NOSIGNAL))
        #else
        systemSend(descriptor, bytes.baseAddress, bytes.count, 0)
        #endif
    }
}

/// The system's function, whose name the method above hides.
private func systemSend(_ descriptor: CInt, _ bytes: UnsafeRawPointer?, _ count: Int, _ flags: CInt) -> Int {
    send(descriptor, bytes, count, flags)
}
