import Martlet

/// The numbers that are sent instead of topics (MQTT 5, 3.3.2.3.4). They hold for one link. A pure value.
struct TopicAliases {
    enum Use: Equatable {
        case none
        /// The topic is sent, and that number for it from now on.
        case introduce(Int)
        /// The number is sent alone.
        case alone(Int)
    }

    private let limit: Int
    private var numbers: [ByteKey: Int] = [:]

    init(limit: Int) {
        self.limit = limit
    }

    /// What is sent for a topic. The first ones get the numbers there are.
    mutating func use(_ topic: String) -> Use {
        let key = ByteKey(topic)
        if let number = numbers[key] { return .alone(number) }
        guard numbers.count < limit else { return .none }
        let number = numbers.count + 1
        numbers[key] = number
        return .introduce(number)
    }

    /// The topic that got its number last was not sent after all.
    mutating func withdraw(_ topic: String) {
        numbers[ByteKey(topic)] = nil
    }
}
