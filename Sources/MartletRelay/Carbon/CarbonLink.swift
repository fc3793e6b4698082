import Martlet
import MartletTransport

/// Connections to Carbon, one at a time, on the thread of a loop.
///
/// That the system has taken a line says nothing: of 60 KB sent to a Carbon that was stopped and then killed, the other side
/// had acknowledged every byte, and all were gone. Carbon itself says nothing either. But it closes its end in order once it
/// has read everything, if this side has closed its own for writing. So that is what a batch is confirmed by.
actor CarbonLink {
    /// Which address answered last, and until when it need not be looked up again.
    private struct Known {
        let address: SocketAddress
        let until: ContinuousClock.Instant
    }

    private let host: String
    private let port: Int
    private let options: CarbonOptions
    nonisolated let loop: EventLoop
    private let timers = Timers(Timeline(ContinuousClock()))
    private var isOpen = false
    private var known: Known?
    private var stream: CarbonStream?

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(host: String, port: Int, _ options: CarbonOptions, on loop: EventLoop) {
        self.loop = loop
        self.host = host
        self.port = port
        self.options = options
    }

    deinit {
        // A closed link holds the loop no more.
        if isOpen { loop.closeSoon() }
    }

    /// Sends bytes, and returns when they are as safe as the options say.
    ///
    /// - Throws: `MessagingError` with a reason that may pass. Then none or some of it has arrived.
    func deliver(_ bytes: [UInt8]) async throws {
        if !isOpen {
            try loop.open()
            isOpen = true
        }
        do {
            let stream = try await connected()
            try await stream.send(bytes, isLast: options.confirm == .read, within: options.timeout)
            if options.confirm == .read { end() }
        } catch {
            end()
            throw error
        }
    }

    func close() async {
        end()
        guard isOpen else { return }
        isOpen = false
        // Not waited for: this runs on the loop's own thread.
        loop.closeSoon()
    }

    private func end() {
        stream?.close()
        stream = nil
    }

    /// The connection that there is, or a new one.
    private func connected() async throws -> CarbonStream {
        if let stream, stream.checkUsable() { return stream }
        end()
        let deadline = ContinuousClock.now + options.connectTimeout
        var failure: any Error = MessagingError(.notConnected, "Carbon at \(host) has no address")
        for address in try await addresses(deadline) {
            do {
                let stream = try CarbonStream(to: .tcp(address, host: host), on: loop)
                self.stream = stream
                try await stream.open(by: deadline)
                known = Known(address: address, until: .now + .seconds(30))
                return stream
            } catch {
                end()
                known = nil
                failure = error
            }
        }
        throw failure
    }

    private func addresses(_ deadline: ContinuousClock.Instant) async throws -> [SocketAddress] {
        if let known, known.until > .now { return [known.address] }
        return try await Resolver.addresses(of: host, port: port, limit: WaitLimit(deadline - .now, of: timers))
    }
}

/// One connection to Carbon. It belongs to the link's loop.
private final class CarbonStream {
    private let socket: SocketStream
    private let loop: EventLoop
    private var watch: Watch?
    private var output: [UInt8] = []
    private var written = 0
    /// Whether nothing comes after the output.
    private var isLast = false
    private var hasFinished = false
    private var isUp = false
    private var failure: (any Error)?
    /// Told when what is under way has ended.
    private var outcome: Promise<Void>?

    init(to endpoint: Endpoint, on loop: EventLoop) throws {
        self.loop = loop
        socket = try SocketStream(to: endpoint, tls: nil, asksForLife: true, peer: "Carbon")
        watch = loop.watch(socket.descriptor, for: .write) { [weak self] _ in self?.advance() }
    }

    /// Whether more can be sent, as far as the system knows.
    func checkUsable() -> Bool {
        guard isUp, failure == nil, !isLast else { return false }
        return (try? discardInput()) != nil
    }

    func close() {
        watch?.cancel()
        watch = nil
        socket.close()
        outcome?.end(.failure(MessagingError(.connectionLost, "the connection to Carbon was closed")))
    }

    func open(by deadline: ContinuousClock.Instant) async throws {
        try await wait(until: deadline, "Carbon could not be connected to in the time allowed")
    }

    /// Sends bytes.
    ///
    /// - Parameters:
    ///   - isLast: whether nothing comes after them: then it returns when Carbon has read them, otherwise when the system
    ///     has taken them.
    ///   - limit: how long nothing may happen.
    func send(_ bytes: [UInt8], isLast: Bool, within limit: Duration) async throws {
        output = bytes
        written = 0
        self.isLast = isLast
        advance()
        while failure == nil, !isDone {
            let before = written
            do {
                try await wait(until: .now + limit, "Carbon took nothing for \(limit)")
            } catch let error as MessagingError where error.code == .timeout && written > before {
                continue
            }
        }
        if let failure { throw failure }
    }

    private var isDone: Bool { isLast ? hasFinished && socket.hasEnded : isUp && written == output.count }

    private func wait(until deadline: ContinuousClock.Instant, _ late: String) async throws {
        if let failure { throw failure }
        let outcome = Promise<Void>()
        self.outcome = outcome
        let timer = loop.schedule(at: deadline) { outcome.end(.failure(MessagingError(.timeout, late))) }
        defer { timer.cancel() }
        try await outcome.value()
    }

    /// Goes on, as far as the socket lets it.
    private func advance() {
        guard let watch, failure == nil else { return }
        do {
            guard try socket.advance() else { return }
            if !isUp {
                isUp = true
                outcome?.end(.success(()))
            }
            try discardInput()
            try write()
        } catch {
            failure = error
        }
        if failure != nil || isDone {
            watch.interest = []
            outcome?.end(failure.map { .failure($0) } ?? .success(()))
        } else {
            watch.interest = socket.interest(reads: true, writes: written < output.count)
        }
    }

    private func write() throws {
        while written < output.count {
            let count = try output.withUnsafeBytes {
                try socket.write(UnsafeRawBufferPointer(rebasing: $0[written...]))
            }
            if count == 0 { return }
            written += count
        }
        if isLast, !hasFinished {
            hasFinished = true
            socket.finishWriting()
        }
    }

    /// Carbon says nothing; that it closes its end is what this finds out.
    private func discardInput() throws {
        do {
            let count = try withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { try socket.read(into: $0) }
            if count > 0 { throw MessagingError(.connectionLost, "this is no Carbon: it speaks") }
        } catch {
            // In order, after the last line: it has read them all.
            guard socket.hasEnded, hasFinished else { throw error }
        }
    }
}
