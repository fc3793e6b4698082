/// The numbers that stand for topics in what is sent over one connection (MQTT 5, 3.3.2.3.4).
///
/// The first topics get one, as many as the client takes; none is given to another topic later.
struct OutgoingAliases: Sendable {
    /// How a message names its topic.
    enum Naming: Hashable, Sendable {
        case topic
        /// The number stands for the topic from now on.
        case introducing(UInt16)
        case alias(UInt16)
    }

    /// All topics that have a number have so many bytes together at most.
    private static let bytesLimit = 16 << 10
    /// A topic takes two bytes beside its own, an alias three.
    private static let shortest = 4

    private let limit: Int
    private var numbers: [[UInt8]: UInt16] = [:]
    private var bytes = 0

    /// - Parameter limit: how many there may be.
    init(limit: Int) {
        self.limit = min(limit, Int(UInt16.max))
    }

    /// How to name a topic now. What is introduced counts once it is told by ``add(_:for:)``.
    func naming(of topic: String) -> Naming {
        guard limit > 0, topic.utf8.count >= Self.shortest else { return .topic }
        if let number = numbers[Array(topic.utf8)] { return .alias(number) }
        guard numbers.count < limit, bytes + topic.utf8.count <= Self.bytesLimit else { return .topic }
        return .introducing(UInt16(numbers.count + 1))
    }

    mutating func add(_ number: UInt16, for topic: String) {
        numbers[Array(topic.utf8)] = number
        bytes += topic.utf8.count
    }
}
