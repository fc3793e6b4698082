import Dispatch

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// One end of a link: a socket that suspends tasks instead of blocking threads. It is closed when nobody holds it.
final class LineSocket: Sendable {
    private let descriptor: CInt

    private init(_ descriptor: CInt) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        #if canImport(Darwin)
        var yes: CInt = 1
        setsockopt(descriptor, SOL_SOCKET, SO_NOSIGPIPE, &yes, socklen_t(MemoryLayout<CInt>.size))
        #endif
    }

    deinit {
        close(descriptor)
    }

    /// The two ends of a new link; `nil` if the system has none left.
    static func pair() -> (LineSocket, LineSocket)? {
        #if canImport(Glibc)
        let kind = CInt(SOCK_STREAM.rawValue)
        #else
        let kind = SOCK_STREAM
        #endif
        var ends: [CInt] = [-1, -1]
        return socketpair(AF_UNIX, kind, 0, &ends) == 0 ? (LineSocket(ends[0]), LineSocket(ends[1])) : nil
    }

    /// Ends the link: whoever waits at one of its ends goes on.
    func end() {
        _ = shutdown(descriptor, CInt(SHUT_RDWR))
    }

    /// The next bytes; none when the link has ended.
    func read() async -> [UInt8] {
        while true {
            var error: CInt = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, count in
                let result = recv(descriptor, buffer.baseAddress, buffer.count, 0)
                error = result < 0 ? errno : 0
                count = max(0, result)
            }
            if error == 0 { return bytes }
            guard error == EAGAIN else { return [] }
            await wait(for: DispatchSource.makeReadSource(fileDescriptor: descriptor))
        }
    }

    /// Whether all bytes were written; otherwise the link has ended.
    func write(_ bytes: [UInt8]) async -> Bool {
        #if canImport(Darwin)
        let flags: CInt = 0
        #else
        let flags = CInt(MSG_NOSIGNAL)
        #endif
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, flags) }
            if written >= 0 {
                rest = rest.dropFirst(written)
            } else {
                guard errno == EAGAIN else { return false }
                await wait(for: DispatchSource.makeWriteSource(fileDescriptor: descriptor))
            }
        }
        return true
    }

    private func wait(for source: any DispatchSourceProtocol) async {
        await withCheckedContinuation { continuation in
            // It holds itself until it has told once.
            source.setEventHandler { source.cancel() }
            source.setCancelHandler { continuation.resume() }
            source.resume()
        }
    }
}
