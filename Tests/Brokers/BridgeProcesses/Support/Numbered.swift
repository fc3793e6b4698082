import Martlet

/// Which numbered messages have arrived, how often, and in which order.
struct Numbered: Sendable, CustomStringConvertible {
    private var arrived: Set<Int> = []
    private var highest = -1
    private(set) var duplicates = 0
    /// Those that arrived for the first time after one with a higher number.
    private(set) var late = 0
    /// Late ones that no broker delivered a second time.
    private(set) var outOfOrder = 0

    var count: Int { arrived.count }

    var description: String {
        "\(count) arrived, \(duplicates) of them again, \(late) late, \(outOfOrder) of these without a second delivery"
    }

    /// - Parameter isAgain: whether a broker on the way said that it delivered the message again.
    mutating func add(_ text: String?, isAgain: Bool = false) {
        guard let number = text.flatMap({ Int($0) }) else { return }
        guard arrived.insert(number).inserted else {
            duplicates += 1
            return
        }
        if number < highest {
            late += 1
            if !isAgain { outOfOrder += 1 }
        }
        highest = max(highest, number)
    }
}

extension Message {
    /// One that says its number, and has an ID.
    fileprivate static func numbered(_ number: Int) -> Message {
        Message("\(number)", headers: [Headers.Standard.messageID: .string("n\(number)")])
    }
}

extension Connection {
    /// Sends numbers to a queue, and returns when the broker has confirmed them all.
    func sendNumbers(_ count: Int, to queue: QueueName) async throws {
        try await confirmed(0..<count) { number in
            try await self.beginSending(.numbered(number), to: queue, options: SendOptions())
        }
    }

    /// Publishes numbers to a topic with a guarantee, and returns when the broker has confirmed them all.
    func publishNumbers(_ numbers: Range<Int>, to topic: TopicName) async throws {
        let options = PublishOptions(guarantee: .atLeastOnce)
        try await confirmed(numbers) { number in
            try await self.beginPublishing(.numbered(number), to: topic, options: options)
        }
    }

    private func confirmed(_ numbers: Range<Int>, _ begin: (Int) async throws -> Confirmation) async throws {
        var under: [Confirmation] = []
        for number in numbers {
            under.append(try await begin(number))
            guard under.count == 1_000 || number == numbers.upperBound - 1 else { continue }
            for confirmation in under { try await confirmation.wait() }
            under.removeAll(keepingCapacity: true)
        }
    }
}
