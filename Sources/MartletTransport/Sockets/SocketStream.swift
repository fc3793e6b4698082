import Martlet

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// One socket to a peer, with TLS or without, that never blocks: it connects, and reads and writes what there is and what is
/// taken. It belongs to its session's loop, which watches ``descriptor`` for what ``interest(reads:writes:)`` says.
package final class SocketStream {
    private enum Stage {
        case connecting
        case securing
        case open
        case closed
    }

    package let descriptor: CInt
    private let tls: TLSStream?
    private let peer: String
    private var stage = Stage.connecting
    /// TLS can't read on before it has written.
    private var readWantsWrite = false
    /// TLS can't write on before it has read.
    private var writeWantsRead = false
    /// Whether the peer has ended its side in order.
    package private(set) var hasEnded = false
    private var pacing = ReadPacing()
    private var hasRead = false

    /// Begins to connect.
    ///
    /// - Parameters:
    ///   - tls: `nil`: nothing is secured.
    ///   - asksForLife: see ``Endpoint/connect(asksForLife:)``.
    ///   - peer: how the other side is called in errors.
    /// - Throws: `MessagingError.Code.connectionLost` if that can't even begin.
    package convenience init(
        to endpoint: Endpoint,
        tls: TLSContext?,
        asksForLife: Bool = false,
        peer: String
    ) throws {
        try self.init(adopting: endpoint.connect(asksForLife: asksForLife), tls: tls, peer: peer)
    }

    /// Goes on with a socket that is being connected, never blocks, and is its own from now on.
    ///
    /// - Parameters: as for ``init(to:tls:asksForLife:peer:)``.
    package init(adopting descriptor: CInt, tls context: TLSContext?, peer: String) throws {
        self.descriptor = descriptor
        self.peer = peer
        do {
            tls = try context.map { try TLSStream($0, descriptor: descriptor) }
        } catch {
            systemClose(descriptor)
            throw error
        }
    }

    deinit { close() }

    /// Ends it, without waiting. Its watch has to be cancelled before.
    package func close() {
        guard stage != .closed else { return }
        stage = .closed
        tls?.close()
        systemClose(descriptor)
    }

    /// Whether TLS may have read what the socket therefore says nothing of.
    package var readsAhead: Bool { tls != nil }

    // MARK: Readiness

    /// Goes on with connecting and TLS. To be called when the socket is ready, until it is done.
    ///
    /// - Returns: whether bytes can be read and written now.
    /// - Throws: why they never will be.
    package func advance() throws -> Bool {
        if stage == .connecting {
            if let error = Endpoint.failure(of: descriptor) { throw error }
            stage = tls == nil ? .open : .securing
        }
        if stage == .securing, let tls {
            writeWantsRead = false
            switch tls.handshake() {
            case .done: stage = .open
            case .wantsRead: writeWantsRead = true
            case .wantsWrite: break
            case .failed(let error): throw error
            }
        }
        return stage == .open
    }

    /// What the socket is to be watched for.
    ///
    /// - Parameters:
    ///   - reads: whether anything is to be read, once that is possible.
    ///   - writes: whether anything waits to be written.
    package func interest(reads: Bool, writes: Bool) -> Interest {
        switch stage {
        case .connecting: return .write
        case .securing: return writeWantsRead ? .read : .write
        case .open:
            var interest: Interest = reads || writes && writeWantsRead ? .read : []
            if writes && !writeWantsRead || reads && readWantsWrite { interest.insert(.write) }
            return interest
        case .closed: return []
        }
    }

    /// Whether there may be something to read, as the socket is ready for this.
    package func canRead(_ ready: Interest) -> Bool {
        ready.contains(.read) || readWantsWrite && ready.contains(.write)
    }

    /// Whether something may be written, as the socket is ready for this.
    package func canWrite(_ ready: Interest) -> Bool {
        ready.contains(.write) || writeWantsRead && ready.contains(.read)
    }

    // MARK: Bytes

    /// Whether its reader should pause before he reads on, so that what comes can come together; once after a read.
    package func takePause() -> Bool {
        defer { hasRead = false }
        return hasRead && pacing.pauses
    }

    /// How many of the bytes that were written the peer's system has not acknowledged; 0 where this system can't tell. Under TLS
    /// they are a few more than those that were given to ``write(_:)``.
    package var unacknowledged: Int {
        guard stage != .closed else { return 0 }
        var count: CInt = 0
        #if canImport(Darwin)
        var size = socklen_t(MemoryLayout<CInt>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_NWRITE, &count, &size) == 0 ? Int(count) : 0
        #elseif canImport(Glibc)
        return ioctl(descriptor, UInt(TIOCOUTQ), &count) == 0 ? Int(count) : 0
        #else
        return ioctl(descriptor, TIOCOUTQ, &count) == 0 ? Int(count) : 0
        #endif
    }

    /// Reads what there is, as far as there is room.
    ///
    /// - Returns: how many bytes; 0 if there are none now.
    /// - Throws: `MessagingError.Code.connectionLost` at the end.
    package func read(into room: UnsafeMutableRawBufferPointer) throws -> Int {
        let count = try readNow(into: room)
        if count > 0 {
            pacing.read(count, at: .now)
            hasRead = true
        }
        return count
    }

    private func readNow(into room: UnsafeMutableRawBufferPointer) throws -> Int {
        guard let tls else {
            while true {
                let count = recv(descriptor, room.baseAddress, room.count, CInt(MSG_DONTWAIT))
                if count > 0 { return count }
                if count == 0 {
                    hasEnded = true
                    throw ended
                }
                if errno == EINTR { continue }
                if errno == EAGAIN || errno == EWOULDBLOCK { return 0 }
                throw Endpoint.failure(errno)
            }
        }
        readWantsWrite = false
        switch tls.read(into: room) {
        case .bytes(let count): return count
        case .wouldBlock: return 0
        case .wantsWrite:
            readWantsWrite = true
            return 0
        case .closed: throw ended
        case .failed(let error): throw error
        }
    }

    /// Writes what is taken.
    ///
    /// - Returns: how many bytes; 0 if none are taken now.
    /// - Throws: `MessagingError.Code.connectionLost` if none will be any more.
    package func write(_ bytes: UnsafeRawBufferPointer) throws -> Int {
        pacing.wrote()
        guard let tls else {
            while true {
                let count = SocketOutput.send(descriptor, bytes)
                if count >= 0 { return count }
                if errno == EINTR { continue }
                if errno == EAGAIN || errno == EWOULDBLOCK { return 0 }
                throw Endpoint.failure(errno)
            }
        }
        writeWantsRead = false
        switch tls.write(bytes) {
        case .bytes(let count): return count
        case .wouldBlock: return 0
        case .wantsRead:
            writeWantsRead = true
            return 0
        case .failed(let error): throw error
        }
    }

    /// Tells the peer that nothing more comes. Without TLS only.
    package func finishWriting() {
        #if canImport(Darwin) || canImport(Musl)
        shutdown(descriptor, SHUT_WR)
        #else
        shutdown(descriptor, CInt(SHUT_WR))
        #endif
    }

    private var ended: MessagingError { MessagingError(.connectionLost, "the \(peer) ended the link") }
}

/// The system's function, whose name the method above hides.
private func systemClose(_ descriptor: CInt) {
    _ = close(descriptor)
}
