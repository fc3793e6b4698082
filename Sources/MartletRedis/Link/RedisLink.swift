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
        case connecting, securing, greeting, ready, ended
    }

    /// How much is read before others on the loop have their turn.
    private static let readsPerRound = 4

    let endpoint: Endpoint
    private let loop: EventLoop
    private let descriptor: CInt
    private let stream: TLSStream?
    /// What has come and is to be taken when `onInput` is called.
    let reader: ReplyReader
    private let scratch: ScratchBuffer
    private var stage = Stage.connecting
    private var greeting: Greeting
    private var watch: Watch?
    private var timer: Timer?
    private var output = ByteQueue()
    /// What is to be written when the greeting is over.
    private var held = ByteQueue()
    /// TLS can't go on in one direction before the socket is ready for the other.
    private var tlsReadWantsWrite = false
    private var tlsWriteWantsRead = false
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
    var clientID: Int? { greeting.clientID }
    var isReady: Bool { stage == .ready }
    var isEnded: Bool { stage == .ended }
    /// How many bytes wait to be written.
    var waiting: Int { output.count + held.count }

    /// Whether the server has ended it already, so that it is read to its end.
    var isCut = false

    /// Whether nothing is to be read, because a reader is behind.
    var isPaused = false {
        didSet {
            guard isPaused != oldValue, stage == .ready else { return }
            // TLS may have read on: the socket would not tell of it.
            if !isPaused, stream != nil { read() }
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
        var entry = pollfd(fd: descriptor, events: hangUp, revents: 0)
        return poll(&entry, 1, 0) > 0
    }

    /// Begins to connect. On the loop.
    ///
    /// - Parameters:
    ///   - onReady: called when commands can run.
    ///   - onInput: called when something has come, to take all replies that are complete from ``reader``.
    ///   - onRound: called when all that was there has been read, and what was possible has been written.
    ///   - onEnd: called when the link is lost, or could not be made.
    /// - Throws: ``MessagingError/Code/connectionLost`` with the system's reason.
    init(
        to endpoint: Endpoint,
        _ options: RedisOptions,
        name: String,
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
        let descriptor = try endpoint.connect(asksForLife: true)
        self.descriptor = descriptor
        do {
            stream = try tls.map { try TLSStream($0, descriptor: descriptor) }
        } catch {
            systemClose(descriptor)
            throw error
        }
        reader = ReplyReader(limit: options.maximumReplyBytes, hearsPushes: hearsPushes)
        greeting = Greeting(options, name: name)
        self.onReady = onReady
        self.onInput = onInput
        self.onRound = onRound
        self.onEnd = onEnd
        watch = loop.watch(descriptor, for: .write) { [weak self] ready in self?.socketReady(ready) }
        timer = loop.schedule(after: options.connectTimeout) { [weak self] in
            self?.fail(MessagingError(.timeout, "it gave no answer within \(options.connectTimeout)"))
        }
    }

    deinit {
        // Whoever drops a link has closed it; a watch would keep the descriptor from being closed in order.
        if stage != .ended {
            reclaim()
            systemClose(descriptor)
        }
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
        guard stage == .ready, stream == nil, output.isEmpty else { return }
        borrower = outbox
        outbox.lend(descriptor, isIdle: pending.count == 0)
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
        stream?.close()
        systemClose(descriptor)
    }

    private func fail(_ error: MessagingError) {
        guard stage != .ended else { return }
        let onEnd = onEnd
        close()
        onEnd?(error)
    }

    // MARK: Events

    private func socketReady(_ ready: Interest) {
        switch stage {
        case .connecting:
            if let error = Endpoint.failure(of: descriptor) { return fail(error) }
            stage = stream == nil ? .greeting : .securing
            if stage == .greeting { greet() } else { secure() }
        case .securing:
            secure()
        case .greeting, .ready:
            if ready.contains(.read) || (tlsReadWantsWrite && ready.contains(.write)) { read() }
            if ready.contains(.write) || (tlsWriteWantsRead && ready.contains(.read)) { send() }
        case .ended:
            return
        }
        if stage == .ready { onRound?() }
        updateInterest()
    }

    private func updateInterest() {
        guard let watch, !watch.isCancelled else { return }
        switch stage {
        case .connecting, .securing, .ended:
            break
        case .greeting, .ready:
            var interest: Interest = isPaused && stage == .ready ? [] : .read
            if (!output.isEmpty && !tlsWriteWantsRead) || tlsReadWantsWrite { interest.insert(.write) }
            if tlsWriteWantsRead { interest.insert(.read) }
            watch.interest = interest
        }
    }

    private func secure() {
        guard let stream else { return }
        switch stream.handshake() {
        case .done:
            stage = .greeting
            greet()
        case .wantsRead: watch?.interest = .read
        case .wantsWrite: watch?.interest = .write
        case .failed(let error): fail(error)
        }
    }

    private func greet() {
        output.append(greeting.bytes)
        send()
        updateInterest()
    }

    // MARK: Reading

    private func read() {
        // A reply may lead to a pause being lifted, which reads.
        guard !isReading else { return }
        isReading = true
        defer { isReading = false }
        var rounds = 0
        // What TLS has read already makes no socket ready.
        while stage == .greeting || stage == .ready, rounds < Self.readsPerRound || stream != nil {
            if isPaused, stage == .ready { return }
            rounds += 1
            let count: Int
            switch readOnce() {
            case .bytes(let read): count = read
            case .nothing: return
            case .ended(let error): return fail(error)
            }
            lastHeard = .now
            do {
                try reader.feed(UnsafeRawBufferPointer(rebasing: scratch.bytes.prefix(count))) { try takeInput() }
            } catch let failure as ReplyReader.Failure {
                return fail(MessagingError(.connectionLost, "the server does not speak Redis: \(failure.reason)"))
            } catch {
                return fail(MessagingError(.connectionLost, "reading failed", cause: error))
            }
            if stream == nil, count < scratch.bytes.count { return }
        }
    }

    private enum ReadResult {
        case bytes(Int)
        case nothing
        case ended(MessagingError)
    }

    private func readOnce() -> ReadResult {
        if let stream {
            tlsReadWantsWrite = false
            switch stream.read(into: scratch.bytes) {
            case .bytes(let count): return .bytes(count)
            case .wouldBlock: return .nothing
            case .wantsWrite:
                tlsReadWantsWrite = true
                return .nothing
            case .closed: return .ended(Self.ended)
            case .failed(let error): return .ended(error)
            }
        }
        while true {
            let count = recv(descriptor, scratch.bytes.baseAddress, scratch.bytes.count, 0)
            if count > 0 { return .bytes(count) }
            if count == 0 { return .ended(Self.ended) }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .nothing
            default: return .ended(Endpoint.failure(errno))
            }
        }
    }

    private static var ended: MessagingError { MessagingError(.connectionLost, "the server ended the link") }

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
            let written: Int
            if let stream {
                tlsWriteWantsRead = false
                switch output.withUnsafeBytes({ stream.write($0) }) {
                case .bytes(let count): written = count
                case .wouldBlock: return
                case .wantsRead:
                    tlsWriteWantsRead = true
                    return
                case .failed(let error): return fail(error)
                }
            } else {
                written = output.withUnsafeBytes { SocketOutput.send(descriptor, $0) }
                if written < 0 {
                    if errno == EINTR { continue }
                    if errno == EAGAIN { return }
                    // What the server said before it closed the link may say why.
                    let error = Endpoint.failure(errno)
                    read()
                    return fail(error)
                }
            }
            output.consume(written)
        }
    }
}

private func systemClose(_ descriptor: CInt) {
    _ = close(descriptor)
}
