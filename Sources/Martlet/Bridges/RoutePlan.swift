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

    /// Topics or a queue of one of a bridge's sides: by them a bridge finds out whether its routes feed each other.
    public struct Place: Sendable, Hashable {
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

        /// The topics that a pattern matches.
        public static func topics(_ pattern: TopicPattern, on side: BridgeSide) -> Place {
            Place(side, TopicShape(pattern))
        }

        /// A queue.
        public static func queue(_ queue: QueueName, on side: BridgeSide) -> Place {
            Place(side, queue)
        }
    }

    /// The plan of a route of your own.
    ///
    /// - Parameters:
    ///   - name: what it connects.
    ///   - source: the side that it reads from; it writes to the other.
    ///   - guarantee: how surely messages arrive; `nil` where that is not the route's to say, as of calls.
    ///   - warnings: what the user should know. Each is logged when the bridge starts.
    ///   - reads: all that it may read. A bridge whose routes would feed each other is refused.
    ///   - writes: all that it may write.
    ///   - allowsLoop: whether the route may be part of a circle, which is then cut at run time by
    ///     ``RouteContext/admit(_:)``.
    public init(
        name: String,
        source: BridgeSide = .from,
        guarantee: RouteGuarantee? = nil,
        warnings: [String] = [],
        reads: [Place],
        writes: [Place],
        allowsLoop: Bool = false
    ) {
        self.init(
            name: name,
            source: source,
            guarantee: guarantee,
            warnings: warnings,
            reads: reads,
            writes: writes,
            allowsLoop: allowsLoop,
            needsName: false
        )
    }

    init(
        name: String,
        source: BridgeSide,
        guarantee: RouteGuarantee?,
        warnings: [String],
        reads: [Place],
        writes: [Place],
        allowsLoop: Bool,
        needsName: Bool
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
