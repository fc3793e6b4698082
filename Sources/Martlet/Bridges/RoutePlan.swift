/// What one route will do, one way: known before anything runs.
public struct RoutePlan: Sendable, Hashable {
    /// The route's name, which says what it connects.
    public var name: String
    /// How surely messages arrive. `nil` for calls and actions, whose callers are told.
    public var guarantee: RouteGuarantee?
    /// What the user should know.
    public var warnings: [String]
    /// The side that it reads from.
    public var source: BridgeSide
    let reads: [Place]
    let writes: [Place]
    let allowsLoop: Bool
    /// Whether the bridge has to have a name that it keeps.
    let needsName: Bool

    /// Topics or queues of one side.
    struct Place: Sendable, Hashable {
        let side: BridgeSide
        let isQueue: Bool
        let shape: TopicShape

        init(_ side: BridgeSide, _ shape: TopicShape) {
            (self.side, isQueue, self.shape) = (side, false, shape)
        }

        init(_ side: BridgeSide, _ queue: QueueName) {
            (self.side, isQueue) = (side, true)
            shape = TopicShape(TopicPattern(TopicName(queue)))
        }
    }

    init(
        name: String,
        source: BridgeSide,
        guarantee: RouteGuarantee? = nil,
        warnings: [String] = [],
        reads: [Place],
        writes: [Place],
        allowsLoop: Bool = false,
        needsName: Bool = false
    ) {
        self.name = name
        self.source = source
        self.guarantee = guarantee
        self.warnings = warnings
        self.reads = reads
        self.writes = writes
        self.allowsLoop = allowsLoop
        self.needsName = needsName
    }
}
