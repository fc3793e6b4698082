import Martlet
import MartletMQTTWire
import NIOCore
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A client's socket, as far as the broker needs it: what is to be written, and that it is to be closed.
///
/// Bytes are appended from any thread. The socket's loop takes all that there are at once, and so writes them by one call.
final class ClientConnection: Sendable {
    /// What is written in one piece, and the group of changes that has to be written to the broker's store before.
    struct Piece {
        var bytes: ByteBuffer
        let group: UInt64
        /// How many of the bytes are of answers.
        var answerBytes = 0
    }

    private struct Output {
        var pieces: [Piece] = []
        /// The last group that it was said to wait for.
        var awaited: UInt64 = 0
        var bytes = 0
        /// Those of answers among them.
        var answerBytes = 0
        var isClosing = false
        /// Whether its loop has been told that there is something.
        var isAnnounced = false
        /// Whether it was said that more is waiting than should be, and not yet that there is room again.
        var isFull = false

        mutating func announce() -> Bool {
            guard !isAnnounced else { return false }
            isAnnounced = true
            return true
        }
    }

    /// So much is copied into one buffer rather than written as a piece of its own.
    private static let pieceBytes = 4_096
    /// What may wait to be taken by the loop, before the session keeps what else there is.
    private static let limit = 256 << 10
    /// So many bytes of answers may wait. The session can keep none of these: a client asks for them, and takes none.
    private static let mostAnswers = 1 << 20

    /// No other connection of this process has it.
    let number: Int
    let channel: any Channel
    let address: String
    let isLoopback: Bool
    let listener: String
    private let output = Mutex(Output())
    private let shown = Mutex<ClientCertificate?>(nil)
    private let versionNumber = Atomic(ProtocolVersion.v311.rawValue)
    /// How many of its messages have found no room yet.
    private let held = Atomic(0)
    /// The bytes that have come of a packet that is not whole yet.
    private let unfinished = Atomic(0)

    /// So many bytes of a packet are a fair part of it.
    private static let progress = 1_000
    /// So often it is waited at most, a millisecond each time, for a loop to read what a client has sent.
    private static let mostRounds = 64

    private static let lastNumber = Atomic(0)

    /// - Parameter source: where its client is, be it by a proxy's word.
    init(_ channel: any Channel, from source: SocketAddress?, listener: String) {
        number = Self.lastNumber.add(1, ordering: .relaxed).newValue
        self.channel = channel
        self.listener = listener
        address = source?.ipAddress ?? ""
        isLoopback = source?.isLoopback ?? false
    }

    /// The version that its CONNECT named.
    var version: ProtocolVersion { ProtocolVersion(rawValue: versionNumber.load(ordering: .relaxed)) ?? .v311 }

    func setVersion(_ version: ProtocolVersion) { versionNumber.store(version.rawValue, ordering: .relaxed) }

    /// The certificate that its client has shown by the time of its CONNECT.
    var certificate: ClientCertificate? {
        get { shown.withLock { $0 } }
        set { shown.withLock { $0 = newValue } }
    }

    // MARK: Reading

    /// Whether it is not to be read from.
    var isPaused: Bool { held.load(ordering: .acquiring) > 0 }

    /// Has it not be read from until ``resume()``, as often as it was paused.
    func pause() { held.add(1, ordering: .acquiringAndReleasing) }

    func resume() {
        guard held.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 else { return }
        channel.eventLoop.execute { self.channel.read() }
    }

    /// Counts what has come, be it of a packet that is not whole yet, or takes back what was of none.
    func countUnfinished(_ bytes: Int) { unfinished.add(bytes, ordering: .relaxed) }

    /// A packet has come whole.
    func finishPacket() { unfinished.store(0, ordering: .relaxed) }

    /// Whether a fair part of a packet has come since this was asked, or since the last whole one: its client is slow, and not
    /// silent. Bytes that merely drip don't count.
    func takeProgress() -> Bool { unfinished.exchange(0, ordering: .relaxed) >= Self.progress }

    /// Has what its client has sent by now be read, before its place is taken: the last messages, and that the client goes.
    ///
    /// - Parameters:
    ///   - loop: where `body` is called.
    ///   - body: what is done then.
    func hearOut(on loop: any EventLoop, _ body: @escaping @Sendable () -> Void) {
        hearOut(rounds: Self.mostRounds, on: loop, body)
    }

    private func hearOut(rounds: Int, on loop: any EventLoop, _ body: @escaping @Sendable () -> Void) {
        unreadBytes.whenComplete { unread in
            // What was read and awaits its turn is heard as well; until then its client is paused.
            guard rounds > 0, case .success(let bytes) = unread, bytes > 0 || self.isPaused else {
                return loop.execute(body)
            }
            self.channel.eventLoop.scheduleTask(in: .milliseconds(1)) {
                self.hearOut(rounds: rounds - 1, on: loop, body)
            }
        }
    }

    /// How much memory the system has for what its client has sent and nobody has read.
    private var unreadBytes: EventLoopFuture<UInt32> {
        guard let socket = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeSucceededFuture(0)
        }
        #if os(Linux)
        // The first of its numbers is that of what was received (SK_MEMINFO_RMEM_ALLOC in linux/sock_diag.h).
        return socket.unsafeGetSocketOption(level: .socket, name: .init(rawValue: SO_MEMINFO))
        #else
        return socket.unsafeGetSocketOption(level: .socket, name: .init(rawValue: SO_NREAD))
        #endif
    }

    // MARK: Writing

    /// Appends bytes to what is written.
    ///
    /// - Parameter group: they leave when this group of changes is in the broker's store; 0: at once. What comes after them waits
    ///   with them.
    /// - Returns: whether the loop is to be told, now or when the group has been written, whether more is waiting than should be,
    ///   and whether that is because of answers.
    func append(
        _ bytes: ByteBuffer,
        after group: UInt64,
        isAnswer: Bool = false
    ) -> (announces: Bool, isFull: Bool, isOverrun: Bool) {
        output.withLock { output in
            guard !output.isClosing else { return (false, false, false) }
            output.bytes += bytes.readableBytes
            if isAnswer { output.answerBytes += bytes.readableBytes }
            let isOverrun = output.answerBytes > Self.mostAnswers
            let last = output.pieces.count - 1
            if bytes.readableBytes < Self.pieceBytes, last >= 0, output.pieces[last].group >= group,
                output.pieces[last].bytes.readableBytes < Self.pieceBytes
            {
                output.pieces[last].bytes.writeImmutableBuffer(bytes)
            } else {
                output.pieces.append(Piece(bytes: bytes, group: group))
            }
            if isAnswer { output.pieces[output.pieces.count - 1].answerBytes += bytes.readableBytes }
            let isFull = output.bytes > Self.limit
            if isFull { output.isFull = true }
            guard group > 0 else { return (output.announce(), isFull, isOverrun) }
            guard output.awaited < group else { return (false, isFull, isOverrun) }
            output.awaited = group
            return (true, isFull, isOverrun)
        }
    }

    /// Closes it when all before has been written.
    ///
    /// - Returns: whether the loop is to be told.
    func close() -> Bool {
        output.withLock { output in
            guard !output.isClosing else { return false }
            output.isClosing = true
            return output.announce()
        }
    }

    /// Whether it is being closed.
    var isClosing: Bool { output.withLock { $0.isClosing } }

    /// What may be written now.
    struct Takings {
        let pieces: [Piece]
        /// Whether there is room again, where it was said that more is waiting than should be.
        let makesRoom: Bool
        /// Whether nothing comes after it.
        let isClosing: Bool
    }

    /// On the loop: what is to be written when the changes up to a group are in the broker's store.
    ///
    /// - Parameter isWritable: whether the socket takes more. If not, all waits here, where it is bounded, unless it is the last.
    func take(upTo group: UInt64, isWritable: Bool = true) -> Takings {
        output.withLock { output in
            output.isAnnounced = false
            guard isWritable || output.isClosing else { return Takings(pieces: [], makesRoom: false, isClosing: false) }
            guard let count = output.pieces.firstIndex(where: { $0.group > group }) else {
                let takings = Takings(pieces: output.pieces, makesRoom: output.isFull, isClosing: output.isClosing)
                (output.pieces, output.bytes, output.answerBytes, output.isFull) = ([], 0, 0, false)
                return takings
            }
            let pieces = Array(output.pieces[..<count])
            output.pieces.removeFirst(count)
            output.bytes -= pieces.reduce(0) { $0 + $1.bytes.readableBytes }
            output.answerBytes -= pieces.reduce(0) { $0 + $1.answerBytes }
            let makesRoom = output.isFull && output.bytes <= Self.limit
            if makesRoom { output.isFull = false }
            return Takings(pieces: pieces, makesRoom: makesRoom, isClosing: false)
        }
    }

    /// Has the loop that some connections share write what they have.
    static func write(_ connections: [ClientConnection]) {
        guard let loop = connections.first?.channel.eventLoop else { return }
        if loop.inEventLoop {
            for connection in connections { connection.write() }
        } else {
            loop.execute { for connection in connections { connection.write() } }
        }
    }

    private func write() {
        channel.pipeline.fireUserInboundEventTriggered(OutputIsThere())
    }
}

extension SocketAddress {
    /// Whether it is of this very machine.
    var isLoopback: Bool {
        switch self {
        case .unixDomainSocket: return true
        case .v4, .v6:
            guard let text = ipAddress else { return false }
            return text.hasPrefix("127.") || text == "::1" || text.hasPrefix("::ffff:127.")
        }
    }
}

/// Tells a channel's handler that there is something to write.
struct OutputIsThere: Sendable {}
