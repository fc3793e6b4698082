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
        case resolving, opening, greeting, ready, ended
    }

    /// How much is read before others on the loop have their turn.
    private static let readsPerRound = 4

    let destination: Destination
    /// The address that is connected to; `nil` while the name is looked up.
    private(set) var endpoint: Endpoint?
    /// The addresses to be tried after it.
    private var otherEndpoints: ArraySlice<Endpoint> = []
    /// Looks up the name. Owned: it ends with the link at the latest.
    var lookUp: Task<Void, Never>?
    private let tls: TLSContext?
    private let connectTimeout: Duration
    private let loop: EventLoop
    private var stream: SocketStream?
    /// What has come and is to be taken when `onInput` is called.
    let reader: ReplyReader
    private let scratch: ScratchBuffer
    private var stage = Stage.resolving
    private var greeting: Greeting
    private var watch: Watch?
    private var timer: Timer?
    private var output = ByteQueue()
    /// What is to be written when the greeting is over.
    private var held = ByteQueue()
    private var isReading = false
    private(set) var lastHeard = ContinuousClock.now
    /// How many bytes of commands had arrived when this was looked at last.
    private var arrived = 0

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
            if !isPaused, stream?.readsAhead == true { read() }
            updateInterest()
        }
    }

    /// Whether the other side has closed the socket, which is not noticed while nothing is read.
    var hasBeenClosed: Bool {
        guard stage == .ready, let stream else { return false }
        #if os(Linux)
        // POLLRDHUP, which Glibc's module hides.
        let hangUp: Int16 = 0x2000
        #else
        let hangUp = Int16(POLLHUP)
        #endif
        var entry = pollfd(fd: stream.descriptor, events: hangUp, revents: 0)
        return poll(&entry, 1, 0) > 0
    }

    /// Begins to connect; to a node that is called by its name once ``found(_:)`` has its addresses. On the loop.
    ///
    /// - Parameters:
    ///   - needsMaster: whether a replica is of no use.
    ///   - onReady: called when commands can run.
    ///   - onInput: called when something has come, to take all replies that are complete from ``reader``.
    ///   - onRound: called when all that was there has been read, and what was possible has been written.
    ///   - onEnd: called when the link is lost, or could not be made.
    /// - Throws: `MessagingError.Code.connectionLost` with the system's reason.
    init(
        to destination: Destination,
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
        self.destination = destination
        self.tls = tls
        connectTimeout = options.connectTimeout
        self.loop = loop
        self.scratch = scratch
        self.pending = pending
        reader = ReplyReader(limit: options.maximumReplyBytes, hearsPushes: hearsPushes)
        greeting = Greeting(options, name: name, needsMaster: needsMaster)
        self.onReady = onReady
        self.onInput = onInput
        self.onRound = onRound
        self.onEnd = onEnd
        beginWaiting()
        if case .endpoint(let endpoint) = destination { try connect(to: endpoint) }
    }

    deinit {
        // Whoever drops a link has closed it; a watch would keep the descriptor from being closed in order.
        if stage != .ended { reclaim() }
    }

    // MARK: Connecting

    /// The addresses of the destination's name, each of which is tried in turn.
    func found(_ addresses: Result<[SocketAddress], any Error>) {
        guard stage == .resolving else { return }
        lookUp = nil
        do {
            otherEndpoints = try addresses.get().map { .tcp($0, host: destination.host) }[...]
            connectToNext(after: MessagingError.offline)
        } catch {
            fail(error)
        }
    }

    private func connectToNext(after failure: any Error) {
        guard let next = otherEndpoints.popFirst() else { return fail(failure) }
        watch?.cancel()
        stream?.close()
        beginWaiting()
        do {
            try connect(to: next)
        } catch {
            connectToNext(after: error)
        }
    }

    private func connect(to endpoint: Endpoint) throws {
        stage = .opening
        self.endpoint = endpoint
        let stream = try SocketStream(to: endpoint, tls: tls, asksForLife: true, peer: "server")
        self.stream = stream
        watch = loop.watch(stream.descriptor, for: .write) { [weak self] ready in self?.socketReady(ready) }
    }

    /// The other side has so long to let the link in.
    private func beginWaiting() {
        timer?.cancel()
        let limit = connectTimeout
        timer = loop.schedule(after: limit) { [weak self] in
            self?.fail(MessagingError(.timeout, "it gave no answer within \(limit)"))
        }
    }

    // MARK: Writing

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

    // MARK: Progress

    /// Whether something that was written is still on its way to the server's system.
    var isDelivering: Bool { waiting + (stream?.unacknowledged ?? 0) > 0 }

    /// Whether more has arrived at the server's system than when this was asked last, and not all yet of the command that has
    /// waited longest: the server can't answer what it has not got, and with a large value on a slow link that takes long. What
    /// comes behind it says nothing: the system of a server that hangs takes it, for a while.
    func isSlow() -> Bool {
        let arrived = pending.size - waiting - (stream?.unacknowledged ?? 0)
        defer { self.arrived = max(self.arrived, arrived) }
        return arrived > self.arrived && arrived < pending.oldestEnd
    }

    // MARK: Others who write

    /// Lets producers write by themselves, as long as the loop has nothing to write. To be said at the end of each round.
    func lend(to outbox: CommandOutbox) {
        guard stage == .ready, let stream, !stream.readsAhead, output.isEmpty else { return }
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
        lookUp?.cancel()
        stream?.close()
    }

    private func fail(_ error: any Error) {
        guard stage != .ended else { return }
        if stage == .opening, !otherEndpoints.isEmpty { return connectToNext(after: error) }
        let onEnd = onEnd
        close()
        onEnd?(error as? MessagingError ?? MessagingError(.connectionLost, "the link failed", cause: error))
    }

    // MARK: Events

    private func socketReady(_ ready: Interest) {
        guard let stream else { return }
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
            if stream.takePause() { loop.pause() }
            if stream.canWrite(ready) { send() }
        case .resolving, .ended:
            return
        }
        if stage == .ready { onRound?() }
        updateInterest()
    }

    private func updateInterest() {
        guard let watch, !watch.isCancelled, let stream else { return }
        watch.interest = stream.interest(reads: !(isPaused && stage == .ready), writes: !output.isEmpty)
    }

    // MARK: Reading

    private func read() {
        // A reply may lead to a pause being lifted, which reads.
        guard !isReading, let stream else { return }
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

    // MARK: Giving the system what was written

    private func send() {
        guard let stream else { return }
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
