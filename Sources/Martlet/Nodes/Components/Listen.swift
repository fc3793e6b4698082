/// A component that handles the events told on some topics, as ``Subscribe`` handles messages.
///
/// ```swift
/// Listen(to: "events.door", for: Door.self) { event in print(event.name, event.payload.open) }
/// ```
public struct Listen: Component {
    private let subscriber: Subscribe

    /// Handles the events of a pattern's topics.
    ///
    /// - Parameters:
    ///   - pattern: the topics that the events are told on.
    ///   - payload: what belongs to the events; ``NoPayload`` does not look at it.
    ///   - options: those of the subscription.
    ///   - onHandlerError: what becomes of an event whose handler throws; by default it is skipped and logged.
    ///   - handler: is given one event after the other.
    public init<Payload: Codable & Sendable>(
        to pattern: TopicPattern,
        for payload: Payload.Type,
        options: SubscribeOptions = SubscribeOptions(),
        onHandlerError: HandlerErrorPolicy = .skip,
        handler: @escaping @Sendable (Event<Payload>) async throws -> Void
    ) {
        let filter = TopicFilter<Event<Payload>>(pattern)
        name = "Listen \(pattern)"
        contract = ComponentContract(kind: "Listen", name: pattern.text, types: [Payload.self])
        subscriber = Subscribe(to: filter, options: options, onHandlerError: onHandlerError) { received in
            try await handler(received.value.arrived(on: received.topic))
        }
    }

    /// The topics, and what belongs to the events.
    public let contract: ComponentContract?

    /// `Listen` and the pattern.
    public let name: String

    /// It can be found once it subscribes.
    public var reportsReadiness: Bool { true }

    /// Checks the pattern and the options.
    public func validate() throws { try subscriber.validate() }

    /// Handles events until the node stops.
    public func run(in context: NodeContext) async throws { try await subscriber.run(in: context) }
}
