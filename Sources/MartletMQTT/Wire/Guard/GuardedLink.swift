import Martlet
import MartletMQTTWire
import MartletTransport

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The link that libmosquitto believes it has, and the one to the broker, with a ``PacketGuard`` between the two.
///
/// The library connects by itself. Then its socket is taken from it, and one end of a pair of sockets is put in its place, under
/// the same descriptor. What it reads and writes there passes here, so that its many small writes become one, and TLS is that
/// of the other transports. Messages do not go that way: four system calls and a dozen allocations of the library's for each,
/// and there is little to be done for them but to write and to read them.
final class GuardedLink {
    /// What has come next.
    enum Input {
        /// So many packets for the library, as they are, and how many bytes they have.
        case packets(Int, bytes: Int)
        /// Something else for the library.
        case replacement([UInt8])
        /// A message, and what the broker is told when it is with its reader.
        case message(ReceivedMessage, answer: [UInt8])
        /// The broker's word on a message that was sent to it.
        case answer(PacketGuard.Answer)
    }

    /// How much is read in one go.
    static let roundBytes = 64 << 10

    var rules: PacketGuard
    /// Called for each message that is handed to nobody, since nobody has to take its topic or a text in it.
    var onUnusable: () -> Void = {}
    private var stream: SocketStream?
    /// The end of the pair that is not the library's.
    private var ownEnd: CInt = -1
    private var isReady = false
    /// Whether it was the other side that ended the latest link.
    private(set) var wasCut = false
    private var isShutDown = false
    private var hasSent = false
    /// How many bytes were written to the broker.
    private var written = 0
    /// What has come from the broker.
    private let input = ByteBuffer()
    /// What the library has written of a packet whose length is not known yet.
    private let begun = ByteBuffer()
    /// What goes to the broker.
    private let output = ByteBuffer()
    /// Whether messages with a guarantee stay here, and so with the broker, since nobody takes them at present.
    private(set) var withholds = false
    /// Those.
    private let withheld = ByteBuffer()
    /// Whether some of them are to be read now, as if they had just come.
    private(set) var hasReleased = false
    /// The packet behind those that pass, which does not pass as it is, and how many bytes it has.
    private var special: (verdict: PacketGuard.Inbound, count: Int)?
    /// Why no packet passes any more.
    private var fault: PacketFault?
    /// How many bytes of the library's packet that is being written are still to come.
    private var rest = 0
    /// What the broker is to be told at the end of that packet.
    private var answers: [UInt8] = []

    init(_ rules: PacketGuard) {
        self.rules = rules
    }

    deinit { close() }

    // MARK: The link

    /// Takes a socket that is being connected from the library.
    ///
    /// - Throws: `MessagingError.Code.connectionLost` with the system's reason.
    func open(inPlaceOf library: CInt, tls: TLSContext?) throws {
        close()
        rules.begin()
        (wasCut, isShutDown, written) = (false, false, 0)
        let real = fcntl(library, F_DUPFD_CLOEXEC, 3)
        guard real >= 0 else { throw Endpoint.failure(errno) }
        SocketOptions.setNoDelay(real)
        stream = try SocketStream(adopting: real, tls: tls, peer: "broker")
        var pair: [CInt] = [-1, -1]
        #if canImport(Glibc)
        let kind = CInt(SOCK_STREAM.rawValue)
        #else
        let kind = SOCK_STREAM
        #endif
        guard socketpair(AF_UNIX, kind, 0, &pair) == 0 else { throw Endpoint.failure(errno) }
        ownEnd = pair[0]
        defer { systemClose(pair[1]) }
        for end in pair { SocketOptions.setNonBlocking(end) }
        guard dup2(pair[1], library) == library else { throw Endpoint.failure(errno) }
        for end in [ownEnd, library] { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    }

    /// The socket to the broker, while there is one.
    var descriptor: CInt? { stream?.descriptor }

    /// Whether bytes can be read and written.
    var isOpen: Bool { isReady && stream != nil }

    /// Goes on with connecting and TLS; see ``SocketStream/advance()``.
    func advance() throws -> Bool {
        guard let stream else { return false }
        isReady = try stream.advance()
        return isReady
    }

    func interest(reads: Bool, writes: Bool) -> Interest {
        stream?.interest(reads: reads, writes: writes || hasOutput) ?? []
    }

    func canRead(_ ready: Interest) -> Bool { stream?.canRead(ready) ?? false }

    /// Whether there may be something to read that the socket says nothing of: TLS has read it, or it was withheld.
    var readsAhead: Bool { hasReleased || stream?.readsAhead ?? false }

    /// See `SocketStream.takePause()`.
    func takePause() -> Bool { stream?.takePause() ?? false }

    /// Tells the other side that this is the end; what it has sent can still be read.
    func shutDown() {
        isShutDown = true
        if let descriptor { _ = shutdown(descriptor, CInt(SHUT_RDWR)) }
    }

    /// Lets the library see the end of what comes.
    func endInput() {
        if ownEnd >= 0 { systemClose(ownEnd) }
        ownEnd = -1
    }

    func close() {
        endInput()
        stream?.close()
        stream = nil
        isReady = false
        fault = nil
        special = nil
        rest = 0
        hasReleased = false
        answers.removeAll()
        for buffer in [input, withheld, begun, output] { buffer.removeAll() }
    }

    // MARK: From the broker to the library

    /// Reads once from the broker.
    ///
    /// - Returns: how many bytes; 0 if there are none now.
    /// - Throws: `MessagingError.Code.connectionLost` at the end.
    func fill() throws -> Int {
        guard let stream else { return 0 }
        do {
            let count = try stream.read(into: input.room(for: Self.roundBytes))
            input.wasFilled(count)
            return count
        } catch {
            wasCut = wasCut || !isShutDown
            throw error
        }
    }

    /// Drops what has come.
    func dropInput() { input.removeAll() }

    // MARK: Messages that nobody takes

    /// How many bytes of messages are withheld.
    var withheldBytes: Int { withheld.bytes.count }

    /// Has messages with a guarantee stay here from now on, or no longer. The broker keeps them as long as they are not
    /// acknowledged: they come again on the next link.
    ///
    /// - Returns: whether some are to be read now.
    func withhold(_ withholds: Bool) -> Bool {
        self.withholds = withholds
        guard !withholds, !withheld.isEmpty else { return false }
        let rest = Array(input.bytes)
        input.removeAll()
        input.append(withheld.bytes)
        input.append(rest)
        withheld.removeAll()
        hasReleased = true
        return true
    }

    /// Puts those aside that come first.
    private func withholdFirst() {
        while let header = try? rules.header(of: input.bytes), isWithheld(header), header.total <= input.bytes.count {
            withheld.append(UnsafeRawBufferPointer(rebasing: input.bytes[..<header.total]))
            input.consume(header.total)
        }
    }

    private func isWithheld(_ header: PacketHeader) -> Bool {
        withholds && header.kind == .publish && header.quality > 0
    }

    // MARK: What has come

    /// What is to be done next with what has come; `nil` if there is no whole packet. Packets are consumed by ``pass(_:)``.
    ///
    /// - Throws: `MessagingError.Code.connectionLost` if what has come is not as the protocol has it.
    func nextInput() throws -> Input? {
        hasReleased = false
        while true {
            var next = special.take()
            if next == nil {
                if withholds { withholdFirst() }
                let (packets, bytes, last) = judge()
                if packets > 0 {
                    special = last
                    return .packets(packets, bytes: bytes)
                }
                if let fault {
                    throw MessagingError(.connectionLost, "the broker does not keep to the protocol: \(fault.problem)")
                }
                next = last
            }
            guard let (verdict, count) = next else { return nil }
            input.consume(count)
            switch verdict {
            case .pass: break
            case .replace(let replacement): return .replacement(replacement)
            case .message(let message, let answer): return .message(message, answer: answer)
            case .answer(let answer): return .answer(answer)
            case .hold(let answer, let isUnusable):
                if isUnusable { onUnusable() }
                say(answer)
            }
        }
    }

    /// Looks at whole packets until one does not pass as it is.
    ///
    /// - Returns: how many pass, how many bytes they have, and the one that does not, with its bytes.
    private func judge() -> (packets: Int, bytes: Int, special: (verdict: PacketGuard.Inbound, count: Int)?) {
        guard fault == nil else { return (0, 0, nil) }
        let input = input.bytes
        var (packets, position) = (0, 0)
        do throws(PacketFault) {
            while position < input.count {
                let bytes = UnsafeRawBufferPointer(rebasing: input[position...])
                guard let header = try rules.header(of: bytes), header.total <= bytes.count, !isWithheld(header)
                else { break }
                let verdict = try rules.inbound(UnsafeRawBufferPointer(rebasing: bytes[..<header.total]), header)
                guard case .pass = verdict else { return (packets, position, (verdict, header.total)) }
                packets += 1
                position += header.total
            }
        } catch {
            fault = error
        }
        return (packets, position, nil)
    }

    /// Writes what has come, at most so many bytes, where the library reads it.
    ///
    /// - Returns: how many there was room for.
    func pass(_ count: Int) throws -> Int {
        let written = try write(UnsafeRawBufferPointer(rebasing: input.bytes[..<count]))
        input.consume(written)
        return written
    }

    /// Writes something else where the library reads it.
    ///
    /// - Returns: how many bytes there was room for.
    func write(_ bytes: UnsafeRawBufferPointer) throws -> Int {
        let count = SocketOutput.send(ownEnd, bytes)
        if count >= 0 { return count }
        guard errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR else { throw Endpoint.failure(errno) }
        return 0
    }

    // MARK: From the library to the broker

    var hasOutput: Bool { !output.isEmpty }

    /// Takes what the library has written.
    func collect() throws {
        while ownEnd >= 0 {
            let room = begun.room(for: Self.roundBytes)
            let count = recv(ownEnd, room.baseAddress, room.count, CInt(MSG_DONTWAIT))
            guard count > 0 else { return }
            begun.wasFilled(count)
            do throws(PacketFault) {
                try moveToOutput()
            } catch {
                throw MessagingError(.connectionLost, "libmosquitto has written what is no packet: \(error.problem)")
            }
            if count < room.count { return }
        }
    }

    /// Has what the library has written go to the broker, with what is to be said between two of its packets.
    private func moveToOutput() throws(PacketFault) {
        while !begun.isEmpty {
            if rest == 0 {
                guard let header = try PacketHeader(begun.bytes) else { return }
                rest = header.total
            }
            let bytes = begun.bytes
            let part = UnsafeRawBufferPointer(rebasing: bytes[..<min(rest, bytes.count)])
            output.append(part)
            rest -= part.count
            begun.consume(part.count)
            if rest == 0, !answers.isEmpty {
                output.append(answers)
                answers.removeAll()
            }
        }
    }

    /// Says something to the broker, between two packets of the library.
    func say(_ bytes: [UInt8]) {
        if rest == 0 { output.append(bytes) } else { answers += bytes }
    }

    /// Whether something was sent since this was asked last.
    func takeHasSent() -> Bool {
        defer { hasSent = false }
        return hasSent
    }

    /// How many bytes were written to the broker, or wait to be.
    var writtenOrWaiting: Int { written + output.bytes.count + rest + answers.count }

    /// How many of those that were written have arrived at the broker's system. Under TLS it is a few less until all have.
    var arrivedBytes: Int { written - (stream?.unacknowledged ?? 0) }

    /// Writes to the broker what it takes.
    func send() throws {
        guard isOpen, let stream else { return }
        do {
            while hasOutput {
                let count = try stream.write(output.bytes)
                if count == 0 { return }
                hasSent = true
                written += count
                output.consume(count)
            }
        } catch {
            wasCut = wasCut || !isShutDown
            throw error
        }
    }
}

/// The system's function, whose name the method above hides.
private func systemClose(_ descriptor: CInt) {
    _ = close(descriptor)
}
