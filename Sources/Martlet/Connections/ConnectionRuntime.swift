public import Logging
import Synchronization

/// What the patterns keep for one connection: its codecs, clock, state, timers and calls in flight.
///
/// A transport makes one when it is made, tells it of each change of its state, and ends it when it closes.
public final class ConnectionRuntime: Sendable {
    /// What the connection is called.
    public let name: String
    /// How values are written and read.
    public let codecs: Codecs
    /// Where the connection logs.
    public let logger: Logger
    /// Whether it logs what becomes of each message; found once, so that it costs nothing where it does not.
    let isTracing: Bool
    package let options: ConnectionOptions
    package var random: RandomSource { options.random }
    /// How the broker writes names.
    package let names: WireNames
    /// What becomes of messages on the wire.
    package let wire: WireCoding
    package let timers: Timers
    package let courier = Courier()
    package let states: StateBroadcast
    let calls: CallTable
    private let counts = Mutex(ConnectionStatistics())
    private let lastLogged = Mutex<[String: Duration]>([:])
    private let replies = ReplyOpening()
    /// Closes the connection, once that has begun. Owned here; whoever closes waits for it.
    let closing = Mutex<Task<Void, Never>?>(nil)
    /// Whether what was still to be said has been said, and the link is let go.
    let isLeaving = Atomic(false)

    package init(_ options: ConnectionOptions, state: ConnectionState = .connecting, names: WireNames = .any) {
        self.names = names
        name = options.name ?? "martlet-\(String(options.random.next(for: .name), radix: 36))"
        var logger = options.logger
        logger[metadataKey: "connection"] = .string(name)
        self.logger = logger
        isTracing = logger.logLevel <= .trace
        self.options = options
        codecs = options.codecs
        wire = WireCoding(
            format: options.format,
            transforms: options.transforms,
            maximumHeaders: options.maximumHeaders
        )
        timers = Timers(Timeline(options.clock))
        states = StateBroadcast(state)
        calls = CallTable()
    }

    /// The link was lost: calls in flight end, since their replies can't find back.
    package func linkLost(_ error: any Error) {
        states.set(.disconnected)
        calls.failAll(error)
    }

    /// Counts a link that was lost, or could not be had again.
    package func linkFailed(_ error: any Error) {
        counts.withLock { counts in
            counts.linkFailures += 1
            counts.lastLinkFailure = String(describing: error)
        }
    }

    /// Returns when what was to be said by the courier has been said, or after a second: for a connection that is about to
    /// close, so that a call that was cancelled just before is cancelled on the other side too.
    package func sendNotices() async {
        guard let delivery = courier.delivery() else { return }
        let timer = timers.schedule(at: timers.now + .seconds(1)) { delivery.end(.success(())) }
        await shielded { _ = try? await delivery.value() }
        timers.cancel(timer)
    }

    /// The connection is closed for good; nothing of the runtime's is left running when it returns.
    package func close(_ error: any Error) async {
        states.set(.closed)
        calls.failAll(error, forGood: true)
        await courier.stop()
        // Before the timers, by which whoever waits for it would otherwise leave.
        await replies.close(error)
        await timers.stop()
    }

    // MARK: Replies

    /// The connection's reply address, opened by the first call that needs it.
    ///
    /// - Parameter limit: how long to wait for it.
    /// - Throws: what opening it throws; ``MessagingError/Code/timeout``; `CancellationError`. Others go on waiting.
    func replyAddress(on connection: any Connection, within limit: Duration) async throws -> ReplyAddress {
        if let address = replies.address { return address }
        let promise = replies.wait { [calls, tracer = isTracing ? self : nil] in
            try await connection.openReplyAddress { reply, address in
                tracer?.trace("a reply came", address, reply)
                calls.receive(reply, at: address)
            }
        }
        return try await promise.value(
            within: limit,
            of: timers,
            or: MessagingError(.timeout, "the address for replies could not be opened within \(limit)")
        )
    }

    // MARK: What came from outside

    /// Whether anyone waits for a reply.
    package var hasCallsInFlight: Bool { calls.count > 0 }

    /// Whether a call waits under a correlation ID: if not, its request need not be sent any more.
    package func isInFlight(_ call: String) -> Bool { calls.isWaiting(call) }

    /// Ends the call that waits under a correlation ID, if there is one: its request will not be answered.
    package func failCall(_ call: String, _ error: any Error) { calls.fail(call, error) }

    /// Ends all calls: it is not known whose requests will not be answered.
    package func failCalls(_ error: any Error) { calls.failAll(error) }

    /// What the connection has counted.
    var statistics: ConnectionStatistics {
        var statistics = counts.withLock { $0 }
        statistics.lateReplies = calls.lateReplies
        statistics.droppedNotices += courier.dropped
        statistics.callsInFlight = calls.count
        return statistics
    }

    /// Counts messages that the broker refused when nobody waited for its word, and keeps the reason.
    package func countRefusal(by number: Int = 1, _ reason: String) {
        counts.withLock { $0.lastRefusal = reason }
        count(\.refused, by: number, reason)
    }

    /// How many things are told apart in the log. Peers choose what some of them are called.
    private static var maximumSubjects: Int { 256 }

    /// Counts something that was skipped or dropped, and logs the reason as a warning: at most once a minute for each
    /// counter, or each subject of one.
    public func count(
        _ counter: any WritableKeyPath<ConnectionStatistics, Int> & Sendable,
        by number: Int = 1,
        of subject: String = "",
        _ reason: @autoclosure () -> String
    ) {
        let total = counts.withLock { counts in
            counts[keyPath: counter] += number
            return counts[keyPath: counter]
        }
        if isDue("\(counter) \(subject)", isOfPeers: !subject.isEmpty) {
            logger.warning("skipped: \(reason())", metadata: ["total": "\(total)"])
        }
    }

    /// Counts something that is no reason for a word in the log.
    package func count(_ counter: any WritableKeyPath<ConnectionStatistics, Int> & Sendable) {
        counts.withLock { $0[keyPath: counter] += 1 }
    }

    /// Logs, as a warning and once a minute at most for each subject, something that goes on and nobody else tells of.
    package func tell(of subject: String, _ text: @autoclosure () -> String) {
        if isDue("tell \(subject)", isOfPeers: true) { logger.warning("\(text())") }
    }

    private func isDue(_ key: String, isOfPeers: Bool) -> Bool {
        let now = timers.now
        return lastLogged.withLock { last in
            if let time = last[key], now - time < .seconds(60) { return false }
            guard !isOfPeers || last[key] != nil || last.count < Self.maximumSubjects else { return false }
            last[key] = now
            return true
        }
    }

    /// The value of a message that came from outside; one that can't be read is counted and thrown.
    package func decode<Value: Decodable>(
        _ message: Message,
        from source: @autoclosure () -> String,
        codec: (any Codec)? = nil
    ) throws -> Value {
        do {
            return try codecs.value(of: message, codec: codec)
        } catch {
            let isUnknown = (error as? MessagingError)?.code == .unsupportedContentType
            let type = isUnknown ? message.headers.contentType.flatMap(MediaType.init) : nil
            count(
                \.undecodable,
                of: shortened(type?.name ?? ""),
                "a message from \(source()) could not be read: \(error)"
            )
            throw error
        }
    }

    /// Throws ``MessagingError/Code/bodyTooLarge`` or ``MessagingError/Code/invalidArgument`` for a message that is not to be
    /// sent.
    package func checkSize(of message: Message) throws {
        guard message.body.count <= options.maximumBodyBytes else {
            throw MessagingError(
                .bodyTooLarge,
                "the body has \(message.body.count) bytes; this connection sends at most \(options.maximumBodyBytes)"
            )
        }
        guard message.headers.count <= options.maximumHeaders else {
            throw MessagingError(
                .invalidArgument,
                "the message has \(message.headers.count) headers; this connection sends at most \(options.maximumHeaders)"
            )
        }
    }
}
