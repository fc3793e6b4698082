public import Martlet
import ServiceLifecycle

/// A component that handles the events of a server of the web (server-sent events), one after the other.
///
/// ```swift
/// FollowEvents("https://example.com/events", of: Reading.self) { reading in print(reading.value) }
/// ```
///
/// Data is read as `PlainText` reads it: types with members are JSON, a `String` is the text as it is. An event without data is
/// not handled. By default an error that the handler throws, and data that can't be read, is counted and logged, and the next
/// event is handled. When the node stops, the event in hand is handled and no more are taken.
///
/// The stream is asked for again when it ends or fails; see ``EventSource``. With a file of positions another run of the
/// program goes on behind the last event that was handled. One whose handler the stop breaks off, a `CancellationError`, was not.
public struct FollowEvents: Component {
    /// `FollowEvents` and the server.
    public let name: String
    /// The type of the values.
    public let contract: ComponentContract?
    private let url: String
    private let options: EventSourceOptions
    private let positionFile: String?
    private let handle: @Sendable (Message) async throws -> Void
    private let onHandlerError: HandlerErrorPolicy

    /// Handles the values of events.
    ///
    /// - Parameters:
    ///   - url: where the stream is; it begins with `https:` or `http:`.
    ///   - type: the type of the values.
    ///   - options: how the stream is read.
    ///   - positionFile: the file that keeps the ID of the last event that was handled; `nil`: each run begins anew.
    ///   - onHandlerError: how it goes on when the handler throws.
    ///   - handler: is called for each value.
    public init<Value: Codable & Sendable>(
        _ url: String,
        of type: Value.Type = Value.self,
        options: EventSourceOptions = EventSourceOptions(),
        positionFile: String? = nil,
        onHandlerError: HandlerErrorPolicy = .skip,
        handler: @escaping @Sendable (Value) async throws -> Void
    ) {
        let place = (try? WebAddress(url)).map { "\($0)" } ?? "events"
        name = "FollowEvents \(place)"
        contract = ComponentContract(kind: "FollowEvents", name: place, types: [Value.self])
        self.url = url
        self.options = options
        self.positionFile = positionFile
        self.onHandlerError = onHandlerError
        handle = { message in try await handler(PlainText().decode(Value.self, from: message.body)) }
    }

    /// It is ready once the stream was asked for.
    public var reportsReadiness: Bool { true }

    /// Checks the URL.
    public func validate() throws { _ = try WebAddress(url) }

    /// Handles events until the node stops.
    public func run(in context: NodeContext) async throws {
        let events = SourceConnection(
            try EventSource(url, options: options),
            options: SourceOptions(positionFile: positionFile),
            connection: ConnectionOptions(logger: context.logger)
        )
        do {
            try await follow(events, in: context)
        } catch {
            await events.close()
            throw error
        }
        await events.close()
    }

    private func follow(_ events: SourceConnection<EventSource>, in context: NodeContext) async throws {
        let durable = positionFile.map { _ in "events" }
        let subscription = try await events.subscribe(
            to: "#",
            options: SubscribeOptions(limit: 16, guarantee: .atLeastOnce, durableName: durable)
        )
        context.ready()
        try await withGracefulShutdownHandler {
            for try await delivery in subscription {
                // Those that have come by now are there the next time, if anything is kept.
                if positionFile != nil, Task.isShuttingDownGracefully { break }
                if !delivery.message.body.isEmpty { try await take(delivery, in: context) }
                try? delivery.ack()
            }
        } onGracefulShutdown: {
            subscription.finish()
        }
    }

    private func take(_ delivery: Delivery, in context: NodeContext) async throws {
        do {
            try await context.inTurn { try await handle(delivery.message) }
        } catch {
            try Task.checkCancellation()
            // Broken off by shutdown, it is there the next time.
            if error is CancellationError, Task.isShuttingDownGracefully { throw error }
            if onHandlerError == .fail { throw error }
            context.countHandlerError(error)
        }
    }
}
