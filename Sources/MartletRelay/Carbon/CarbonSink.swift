public import Martlet
import MartletTransport

/// Carbon, the metrics server of Graphite: each message holds lines of its plaintext protocol, `name value time`.
///
/// A line that Carbon would not take is not sent: its message is refused with the number of such lines, and a dead letter
/// holds these alone. Its neighbours are delivered.
public struct CarbonSink: Sink {
    /// Where Carbon listens for lines by default.
    public static let defaultPort = 2003

    /// A message is confirmed where Carbon is waited for.
    public let capabilities: Capabilities
    /// The thread that serves the socket.
    public var taskExecutor: (any TaskExecutor)? { link.loop }
    private let prefix: [UInt8]
    private let link: CarbonLink

    /// Carbon at a host. It is connected to with the first message.
    ///
    /// A relay is fastest where both its ends are on one thread:
    ///
    /// ```swift
    /// let carbon = SinkConnection(CarbonSink(host: "graphite.home", thread: mqtt.taskExecutor))
    /// ```
    ///
    /// - Parameters:
    ///   - host: its name, or an address.
    ///   - port: where it listens for lines of text.
    ///   - options: how lines are delivered.
    ///   - thread: the thread that serves the socket: that of a connection to a broker, from its `Connection.taskExecutor`.
    ///     `nil`, or an executor that is no such thread: one of its own.
    public init(
        host: String,
        port: Int = Self.defaultPort,
        options: CarbonOptions = CarbonOptions(),
        thread: (any TaskExecutor)? = nil
    ) {
        let loop = thread as? EventLoop ?? EventLoop(name: "martlet-carbon")
        link = CarbonLink(host: host, port: port, options, on: loop)
        capabilities = Self.capabilities(options)
        prefix = options.prefix.isEmpty ? [] : Array((options.prefix + ".").utf8)
    }

    /// What a sink of these options gives.
    public static func capabilities(_ options: CarbonOptions) -> Capabilities {
        options.confirm == .read ? [.confirmedPublish, .separateHeaders] : .separateHeaders
    }

    /// Sends the lines of a batch, and returns when Carbon has read them.
    public func deliver(_ batch: [SinkItem]) async throws {
        var lines = CarbonLines(prefix: prefix)
        var rejection = SinkRejection()
        for (index, item) in batch.enumerated() {
            guard let refused = lines.take(item.message.body) else { continue }
            let count = refused.count + refused.takenCount
            rejection.reject(
                index,
                "\(refused.count) of \(count) lines are not for Carbon; the first one: \(refused.problem)",
                undelivered: refused.takenCount > 0 ? refused.lines : nil
            )
        }
        if !lines.taken.isEmpty { try await link.deliver(lines.taken) }
        if !rejection.isEmpty { throw rejection }
    }

    /// Ends the connection.
    public func close() async { await link.close() }
}
