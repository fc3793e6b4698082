public import Martlet
import Synchronization

/// What a conformance check runs in: any number of connections to one broker, or to two with a bridge between, and names
/// that no other run uses.
///
/// Names differ in every run, so that a real broker which still holds something of an earlier run does no harm.
public final class ConformanceEnvironment: Sendable {
    /// Makes a connection, of the kind that is checked, to the broker that all connections of a run share; with a bridge,
    /// all of one side.
    public typealias Connect = @Sendable (_ options: ConnectionOptions) async throws -> any Connection

    /// The check's name.
    public let check: String
    private let prefix: String
    /// Whether there are two brokers, and a bridge from the source to the sink.
    public let isBridged: Bool
    private let source: Connect
    private let sink: Connect
    private let connections = Mutex<[any Connection]>([])

    /// An environment for one run of a check, with one broker.
    public convenience init(check: String, connect: @escaping Connect) {
        self.init(check: check, source: connect, sink: connect, isBridged: false)
    }

    /// An environment for one run of a check, with two brokers.
    public convenience init(check: String, source: @escaping Connect, sink: @escaping Connect) {
        self.init(check: check, source: source, sink: sink, isBridged: true)
    }

    private init(check: String, source: @escaping Connect, sink: @escaping Connect, isBridged: Bool) {
        self.check = check
        self.source = source
        self.sink = sink
        self.isBridged = isBridged
        prefix = "conformance.r\(String(UInt64.random(in: .min ... .max), radix: 36))"
    }

    // MARK: Connections

    /// A new connection; the environment closes it.
    ///
    /// - Parameters:
    ///   - options: what the connection is told.
    ///   - side: the source for who publishes, sends, calls and sends goals; the sink for who hears of it.
    public func connect(
        _ options: ConnectionOptions = ConnectionOptions(),
        at side: ConformanceSide = .source
    ) async throws -> any Connection {
        let connection = try await side == .source ? source(options) : sink(options)
        connections.withLock { $0.append(connection) }
        return connection
    }

    /// A new connection for who publishes and who hears of it, one and the same; with a bridge, one for each.
    public func connectBoth(
        _ options: ConnectionOptions = ConnectionOptions()
    ) async throws -> (source: any Connection, sink: any Connection) {
        let source = try await connect(options)
        return (source, isBridged ? try await connect(options, at: .sink) : source)
    }

    /// With a bridge, waits until what a connection has published is at the sink. The check needs a route for every topic.
    public func waitUntilCrossed(from connection: any Connection) async throws {
        guard isBridged else { return }
        let marker = topic("crossed.m\(String(UInt64.random(in: .min ... .max), radix: 36))")
        let subscription = try await connect(at: .sink).subscribe(to: TopicPattern(marker))
        let guarantee: Guarantee = connection.capabilities.contains(.confirmedPublish) ? .atLeastOnce : .atMostOnce
        try await connection.publish(Message(), to: marker, options: PublishOptions(guarantee: guarantee))
        _ = try await subscription.next()
    }

    /// Closes every connection that was made.
    public func close() async {
        let connections = connections.withLock { connections in
            defer { connections.removeAll() }
            return connections
        }
        for connection in connections { await connection.close() }
    }

    // MARK: Names

    /// A topic of this run.
    public func topic(_ name: String) -> TopicName { TopicName("\(prefix).\(name)") }

    /// A filter for topics of this run.
    public func pattern(_ name: String) -> TopicPattern { TopicPattern("\(prefix).\(name)") }

    /// A queue of this run.
    public func queue(_ name: String) -> QueueName { QueueName("\(prefix).\(name)") }

    // MARK: Expectations

    /// A failure of this check.
    public func failure(expected: String, actual: String) -> ConformanceFailure {
        ConformanceFailure(check: check, expected: expected, actual: actual)
    }

    /// Throws a ``ConformanceFailure`` unless the condition holds.
    public func expect(_ condition: Bool, _ expected: String, actual: @autoclosure () -> String) throws {
        if !condition { throw failure(expected: expected, actual: actual()) }
    }

    /// Throws a ``ConformanceFailure`` unless the values are equal.
    public func expect<Value: Equatable>(_ actual: Value, equals expected: Value, _ what: String) throws {
        if actual != expected {
            throw failure(expected: "\(what) to be \(shown(expected))", actual: "it was \(shown(actual))")
        }
    }

    /// Runs `body` and throws a ``ConformanceFailure`` unless it throws an error of one of the codes.
    @discardableResult
    public func expect(
        _ codes: MessagingError.Code...,
        from what: String,
        _ body: () async throws -> Void
    ) async throws -> MessagingError {
        let expected = "\(what) to throw \(codes.map(\.rawValue).joined(separator: " or "))"
        do {
            try await body()
        } catch let error as MessagingError {
            try expect(codes.contains(error.code), expected, actual: "it threw \(error)")
            return error
        } catch {
            throw failure(expected: expected, actual: "it threw \(error)")
        }
        throw failure(expected: expected, actual: "it threw nothing")
    }

    /// Runs `body` and throws a ``ConformanceFailure`` unless it throws `CancellationError`.
    public func expectCancellation(of what: String, _ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch is CancellationError {
            return
        } catch {
            throw failure(expected: "\(what) to throw CancellationError", actual: "it threw \(error)")
        }
        throw failure(expected: "\(what) to throw CancellationError", actual: "it threw nothing")
    }

    /// Looks, every millisecond, whether something holds that nothing announces. It looks for ever: the check's
    /// time limit ends it.
    public func eventually(_ condition: () async throws -> Bool) async throws {
        while try await !condition() { try await Task.sleep(for: .milliseconds(1)) }
    }

    private func shown(_ value: some Any) -> String {
        let text = String(describing: value)
        return text.count > 300 ? "\(text.prefix(299))…" : text
    }
}
