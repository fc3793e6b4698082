import Martlet
import MartletTransport

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// One socket to the server: connects, secures it, greets, and from then on writes commands and reads replies.
///
/// It lives on its session's loop and nowhere else. What is written before it is ready waits. Whatever goes wrong ends
/// it, once, by `onEnd`; after ``close()`` nothing is called any more.
final class RedisLink {
    private enum Stage {
        case opening, greeting, ready, ended
    }

    /// How much is read before others on the loop have their turn.
    private static let readsPerRound = 4

    let endpoint: Endpoint
    private let loop: EventLoop
    private let stream: SocketStream
    /// What has come and is to be taken when `onInput` is called.
    let reader: ReplyReader
    private let scratch: ScratchBuffer
    private var stage = Stage.opening
    private var greeting: Greeting
    private var watch: Watch?
    private var timer: Timer?
    private var output = ByteQueue()
    /// What is to be written when the greeting is over.
    private var held = ByteQueue()
    private var isReading = false
    private(set) var lastHeard = ContinuousClock.now

    /// What was sent by it and is to be answered.
    let pending: PendingCommands
    /// What lets others write to the socket at present.
    private var borrower: CommandOutbox?

    private var onReady: (() -> Void)?
    private var onInput: (() throws -> Void)?
    private var onRound: (() -> Void)?
    private var onEnd: ((MessagingError) -> Void)?

    /// What the server calls it; `nil` before it is ready, or if the server does not tell.
    var clientID: Int? { greeting.server.clientID }
    /// What the server told about itself.
    var server: Greeting.Server { greeting.server }
    var isReady: Bool { stage == .ready }
    var isEnded: Bool { stage == .ended }
    /// How many bytes wait to be written.
    var waiting: Int { output.count + held.count }

    /// Whether the server has ended it already, so that it is read to its end.
    private(set) var isCut = false

    /// The server has ended it: what had come before is read, and then its end.
    func readToTheEnd() {
        isCut = true
        isPaused = false
    }

    /// Whether nothing is to be read, because a reader is behind.
    var isPaused = false {
        didSet {
            guard isPaused != oldValue, stage == .ready else { return }
            // TLS may have read on: the socket would not tell of it.
            if !isPaused, stream.readsAhead { read() }
            updateInterest()
        }
    }

    /// Whether the other side has closed the socket, which is not noticed while nothing is read.
    var hasBeenClosed: Bool {
        guard stage == .ready else { return false }
        #if os(Linux)
        // POLLRDHUP, which Glibc's module hides.
        let hangUp: Int16 = 0x2000
        #else
        let hangUp = Int16(POLLHUP)
        #endif
        var entry = pollfd(fd: stream.descriptor, events: hangUp, revents: 0)
        return poll(&entry, 1, 0) > 0
    }

    /// Begins to connect. On the loop.
    ///
    /// - Parameters:
    ///   - needsMaster: whether a replica is of no use.
    ///   - onReady: called when commands can run.
    ///   - onInput: called when something has come, to take all replies that are complete from ``reader``.
    ///   - onRound: called when all that was there has been read, and what was possible has been written.
    ///   - onEnd: called when the link is lost, or could not be made.
    /// - Throws: `MessagingError.Code.connectionLost` with the system's reason.
    init(
        to endpoint: Endpoint,
        _ options: RedisOptions,
        name: String,
        needsMaster: Bool,
        tls: TLSContext?,
        pending: PendingCommands,
        hearsPushes: Bool,
        on loop: EventLoop,
        scratch: ScratchBuffer,
        onReady: @escaping () -> Void,
        onInput: @escaping () throws -> Void,
        onRound: @escaping () -> Void,
        onEnd: @escaping (MessagingError) -> Void
    ) throws {
        self.endpoint = endpoint
        self.loop = loop
        self.scratch = scratch
        self.pending = pending
        stream = try SocketStream(to: endpoint, tls: tls, asksForLife: true, peer: "server")
        reader = ReplyReader(limit: options.maximumReplyBytes, hearsPushes: hearsPushes)
        greeting = Greeting(options, name: name, needsMaster: needsMaster)
        self.onReady = onReady
        self.onInput = onInput
        self.onRound = onRound
        self.onEnd = onEnd
        watch = loop.watch(stream.descriptor, for: .write) { [weak self] ready in self?.socketReady(ready) }
        timer = loop.schedule(after: options.connectTimeout) { [weak self] in
            self?.fail(MessagingError(.timeout, "it gave no answer within \(options.connectTimeout)"))
        }
    }

    deinit {
        // Whoever drops a link has closed it; a watch would keep the descriptor from being closed in order.
        if stage != .ended { reclaim() }
    }

    /// Writes as soon as may be.
    func write(_ bytes: [UInt8]) {
        reclaim()
        if stage == .ready {
            output.append(bytes)
        } else if stage != .ended {
            held.append(bytes)
        }
    }

    /// Writes as soon as may be.
    func write(_ bytes: UnsafeRawBufferPointer) {
        reclaim()
        if stage == .ready {
            output.append(bytes)
        } else if stage != .ended {
            held.append(bytes)
        }
    }

    /// Gives the system what it takes of what was written.
    func flush() {
        guard stage == .ready else { return }
        send()
        updateInterest()
    }

    // MARK: Others who write

    /// Lets producers write by themselves, as long as the loop has nothing to write. To be said at the end of each round.
    func lend(to outbox: CommandOutbox) {
        guard stage == .ready, !stream.readsAhead, output.isEmpty else { return }
        borrower = outbox
        outbox.lend(stream.descriptor, isIdle: pending.count == 0)
    }

    /// Takes over what others have written, whose replies come next.
    func collectWritten() {
        guard let borrower else { return }
        takeOver(borrower.collectWritten())
    }

    /// Has nobody else write any more.
    func reclaim() {
        guard let borrower = borrower.take() else { return }
        takeOver(borrower.reclaim())
    }

    private func takeOver(_ written: SocketLoan.Written) {
        pending.append(written.commands, sent: .now)
        guard !written.rest.isEmpty else { return }
        borrower = nil
        output.append(written.rest)
    }

    // MARK: The end

    /// Ends it: nothing is called any more.
    func close() {
        guard stage != .ended else { return }
        // Before the descriptor may be another's.
        reclaim()
        stage = .ended
        onReady = nil
        onInput = nil
        onRound = nil
        onEnd = nil
        timer?.cancel()
        watch?.cancel()
        watch = nil
        stream.close()
    }

    private func fail(_ error: any Error) {
        guard stage != .ended else { return }
        let onEnd = onEnd
        close()
        onEnd?(error as? MessagingError ?? MessagingError(.connectionLost, "the link failed", cause: error))
    }

    // MARK: Events

    private func socketReady(_ ready: Interest) {
        switch stage {
        case .opening:
            do {
                guard try stream.advance() else { return updateInterest() }
                stage = .greeting
                output.append(greeting.bytes)
                send()
            } catch {
                return fail(error)
            }
        case .greeting, .ready:
            if stream.canRead(ready) { read() }
            if stream.canWrite(ready) { send() }
        case .ended:
            return
        }
        if stage == .ready { onRound?() }
        updateInterest()
    }

    private func updateInterest() {
        guard let watch, !watch.isCancelled else { return }
        watch.interest = stream.interest(reads: !(isPaused && stage == .ready), writes: !output.isEmpty)
    }

    // MARK: Reading

    private func read() {
        // A reply may lead to a pause being lifted, which reads.
        guard !isReading else { return }
        isReading = true
        defer { isReading = false }
        var rounds = 0
        // What TLS has read already makes no socket ready.
        while stage == .greeting || stage == .ready, rounds < Self.readsPerRound || stream.readsAhead {
            if isPaused, stage == .ready { return }
            rounds += 1
            let count: Int
            do {
                count = try stream.read(into: scratch.bytes)
            } catch {
                return fail(error)
            }
            if count == 0 { return }
            lastHeard = .now
            do {
                try reader.feed(UnsafeRawBufferPointer(rebasing: scratch.bytes.prefix(count))) { try takeInput() }
            } catch let failure as ReplyReader.Failure {
                return fail(MessagingError(.connectionLost, "the server does not speak Redis: \(failure.reason)"))
            } catch {
                return fail(MessagingError(.connectionLost, "reading failed", cause: error))
            }
            if !stream.readsAhead, count < scratch.bytes.count { return }
        }
    }

    /// Nobody has listened for a while, so that the silence is none of the server's.
    func excuse() { lastHeard = .now }

    /// Takes the replies that are complete.
    private func takeInput() throws {
        while stage == .greeting, let reply = try reader.next() { greeted(reply) }
        if stage == .ready { try onInput?() }
    }

    private func greeted(_ reply: RedisValue) {
        do {
            guard try greeting.received(reply) else { return }
            timer?.cancel()
            timer = nil
            stage = .ready
            swap(&output, &held)
            onReady?()
            onReady = nil
            send()
        } catch let error as MessagingError {
            fail(error)
        } catch {
            fail(MessagingError(.refused, "the greeting failed", cause: error))
        }
    }

    // MARK: Writing

    private func send() {
        while !output.isEmpty, stage == .greeting || stage == .ready {
            do {
                let written = try output.withUnsafeBytes { try stream.write($0) }
                if written == 0 { return }
                output.consume(written)
            } catch {
                // What the server said before it closed the link may say why.
                read()
                return fail(error)
            }
        }
    }
}
