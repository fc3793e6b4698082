import MartletTesting

@testable import Martlet

/// A broker's queues under senders that wait, consumers that come, go and lose their links, rejection, expiry, limits and dead
/// letters.
///
/// The oracle knows of each message where it is, and that it can leave there for a reason only.
struct QueueWorld: World {
    /// A message in a queue.
    struct Place {
        /// In which order it came into the queue.
        var order: Int
        let expiresAt: Duration?
        let bytes: Int
        var deliveries = 0
        var state: State

        enum State: Hashable {
            case waiting
            case parked(UInt64)
            case held(tag: UInt64)
        }
    }

    struct Consumer {
        let recipient: Recipient
        let queue: QueueName
        let prefetch: Int
        var held: Set<UInt64> = []
    }

    let trace: Trace
    var random: SplitMix64
    var now = Duration.zero
    var queues: BrokerQueues
    var effects: [BrokerEffect] = []

    let names: [QueueName] = ["q", "r", "dead"]
    var options: [QueueName: QueueOptions] = [:]
    /// The messages by their numbers, of each queue.
    var places: [QueueName: [Int: Place]] = [:]
    var consumers: [Consumer] = []
    /// The messages of the tags, also of consumers that have gone.
    var tags: [UInt64: (queue: QueueName, number: Int, client: Int)] = [:]
    var lastNumber = 0
    var lastOrder = 0
    var lastConsumer = 0
    /// What has come into queues by the present command, of which several may be touched in any order.
    var entered: [QueueName: Set<Int>] = [:]
    /// Messages that died where there is no queue for that.
    var lost = 0

    init(seed: UInt64, isTraced: Bool) {
        trace = Trace(isOn: isTraced)
        random = SplitMix64(seed: seed)
        var defaults = QueueOptions(limit: 1 + random.below(4), byteLimit: random.pick([6, 1_000]))
        defaults.overflow = random.pick([.suspend, .reject, .dropOldest])
        defaults.timeToLive = random.chance(20) ? .seconds(3) : nil
        defaults.maximumDeliveries = random.chance(50) ? 1 + random.below(3) : nil
        queues = BrokerQueues(limit: 3, defaults: defaults)
        for name in names {
            options[name] = defaults
            places[name] = [:]
        }
    }

    mutating func run() throws {
        if random.chance(60) {
            var own = options["q"] ?? QueueOptions()
            own.deadLetters = "dead"
            own.limit = 1 + random.below(5)
            try queues.declare("q", own)
            options["q"] = own
        }
        for _ in 0..<(30 + random.below(60)) { try step() }
        try empty()
    }

    private mutating func step() throws {
        switch random.below(100) {
        case 0..<40: try send()
        case 40..<55: try addConsumer()
        case 55..<60: try removeConsumer()
        case 60..<63: try loseClient(1 + random.below(3))
        case 63..<66: try withdraw()
        case 66..<80: try pass(random.time(upTo: .seconds(2)))
        default: try settle()
        }
    }

    // MARK: Commands

    private mutating func send() throws {
        let name = random.pick(names)
        lastNumber += 1
        lastOrder += 1
        let number = lastNumber
        let expiry: Duration? = random.chance(20) ? random.pick([.milliseconds(500), .seconds(2)]) : nil
        let life = [expiry, options[name]?.timeToLive].compactMap { $0 }.min()
        let bytes = 1 + random.below(4)
        let place = Place(order: lastOrder, expiresAt: life.map { now + $0 }, bytes: bytes, state: .waiting)
        note("\(now): send \(number) to \(name)")
        let hadRoom = hasRoom(name)
        do {
            let body = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: bytes)
            let message = Message(body, headers: ["n": .integer(Int64(number))])
            let sender = try queues.send(
                message,
                to: name,
                SendOptions(expiry: expiry),
                now: now,
                effects: &effects
            )
            places[name]?[number] = place
            if let sender {
                guard options[name]?.overflow == .suspend, !hadRoom else { throw Violation("\(number) is parked") }
                places[name]?[number]?.state = .parked(sender)
            }
        } catch let error as MessagingError {
            guard options[name]?.overflow == .reject, error.code == .queueFull, !hadRoom else { throw error }
        }
        try check()
    }

    /// Whether a queue that nothing has expired from takes one more message, of whatever size.
    private func hasRoom(_ name: QueueName) -> Bool {
        let waiting = places[name]?.values.count { $0.state == .waiting } ?? 0
        let parked = places[name]?.values.count { if case .parked = $0.state { true } else { false } } ?? 0
        return waiting == 0 && parked == 0
    }

    private mutating func addConsumer() throws {
        lastConsumer += 1
        let recipient = Recipient(client: 1 + random.below(3), number: lastConsumer)
        let consumer = Consumer(recipient: recipient, queue: random.pick(names), prefetch: 1 + random.below(3))
        consumers.append(consumer)
        note(
            "consumer \(recipient.number) of client \(recipient.client) at \(consumer.queue), \(consumer.prefetch) at a time"
        )
        queues.add(
            QueueCore.Consumer(recipient: recipient, prefetch: consumer.prefetch),
            to: consumer.queue,
            now: now,
            effects: &effects
        )
        try check()
    }

    private mutating func removeConsumer() throws {
        guard !consumers.isEmpty else { return }
        let consumer = consumers.remove(at: random.below(consumers.count))
        note("\(now): consumer \(consumer.recipient.number) stops")
        queues.remove(consumer.recipient, from: consumer.queue)
        try check()
    }

    /// A client's link goes, with its consumers and all that they hold.
    private mutating func loseClient(_ client: Int) throws {
        note("\(now): client \(client) is gone")
        for consumer in consumers where consumer.recipient.client == client {
            queues.remove(consumer.recipient, from: consumer.queue)
        }
        consumers.removeAll { $0.recipient.client == client }
        for tag in tags.keys.sorted() where tags[tag]?.client == client { comesBack(tag) }
        queues.requeueAll(of: client, now: now, effects: &effects)
        try check()
    }

    private mutating func withdraw() throws {
        for name in names {
            for (number, place) in (places[name] ?? [:]).sorted(by: { $0.key < $1.key }) {
                guard case .parked(let sender) = place.state, random.chance(50) else { continue }
                note("\(now): the sender of \(number) waits no longer")
                guard queues.withdraw(sender, from: name, effects: &effects) else {
                    throw Violation("\(number) did not wait")
                }
                places[name]?[number] = nil
                return try check()
            }
        }
    }

    private mutating func pass(_ time: Duration) throws {
        now += time
        queues.expire(at: now, effects: &effects)
        note("\(now): it is later")
        try check()
        if let next = queues.nextDeadline, next <= now { throw Violation("at \(now) something expires at \(next)") }
        for name in names {
            if let number = places[name]?.first(where: { $0.value.state == .waiting && isOver($0.value) })?.key {
                throw Violation("\(number) has expired and waits in \(name)")
            }
        }
    }

    private mutating func settle() throws {
        guard let tag = tags.keys.sorted().randomElement(using: &random), let held = tags[tag] else { return }
        let disposition: Disposition = random.pick([.ack, .ack, .reject, .requeue, .requeue])
        note("\(now): \(held.number) of \(held.queue) is settled: \(disposition)")
        switch disposition {
        case .ack:
            tags[tag] = nil
            places[held.queue]?[held.number] = nil
        case .reject:
            tags[tag] = nil
            dies(held.number, in: held.queue)
        case .requeue: comesBack(tag)
        }
        for index in consumers.indices { consumers[index].held.remove(tag) }
        queues.settle(tag, as: disposition, now: now, effects: &effects)
        // What was settled once is settled.
        if random.chance(10) { queues.settle(tag, as: .requeue, now: now, effects: &effects) }
        try check()
    }

    // MARK: What becomes of a message

    /// A delivery comes back, or was one too many.
    private mutating func comesBack(_ tag: UInt64) {
        guard let held = tags.removeValue(forKey: tag), let place = places[held.queue]?[held.number] else { return }
        for index in consumers.indices { consumers[index].held.remove(tag) }
        if let most = options[held.queue]?.maximumDeliveries, place.deliveries >= most {
            dies(held.number, in: held.queue)
        } else {
            places[held.queue]?[held.number]?.state = .waiting
        }
    }

    /// A message goes to the dead letters of its queue, if that has any.
    mutating func dies(_ number: Int, in queue: QueueName) {
        guard let place = places[queue]?.removeValue(forKey: number) else { return }
        guard let target = options[queue]?.deadLetters else {
            lost += 1
            return
        }
        lastOrder += 1
        entered[target, default: []].insert(number)
        let life = options[target]?.timeToLive
        places[target]?[number] = Place(
            order: lastOrder,
            expiresAt: life.map { now + $0 },
            bytes: place.bytes,
            state: .waiting
        )
    }

    func isOver(_ place: Place) -> Bool { place.expiresAt.map { $0 <= now } ?? false }

    // MARK: The end

    /// All is taken and acknowledged; nothing is left.
    private mutating func empty() throws {
        note("\(now): now all is taken")
        for client in 1...3 { try loseClient(client) }
        for name in names {
            lastConsumer += 1
            let recipient = Recipient(client: 9, number: lastConsumer)
            consumers.append(Consumer(recipient: recipient, queue: name, prefetch: 2))
            queues.add(QueueCore.Consumer(recipient: recipient, prefetch: 2), to: name, now: now, effects: &effects)
            try check()
        }
        while let tag = tags.keys.min(), let held = tags[tag] {
            tags[tag] = nil
            places[held.queue]?[held.number] = nil
            for index in consumers.indices { consumers[index].held.remove(tag) }
            queues.settle(tag, as: .ack, now: now, effects: &effects)
            try check()
        }
        for consumer in consumers { queues.remove(consumer.recipient, from: consumer.queue) }
        if let left = places.first(where: { !$0.value.isEmpty }) {
            throw Violation("in \(left.key) are \(left.value.keys.sorted())")
        }
        for (name, queue) in queues.queues {
            guard queue.waiting.isEmpty, queue.bytes == 0, queue.inHand == 0, queue.consumers.isEmpty else {
                throw Violation("\(name): \(queue.waiting.count) wait, \(queue.bytes) bytes, \(queue.inHand) in hand")
            }
            guard queue.isDeclared else { throw Violation("queue \(name) stays, and nobody uses it") }
        }
        try pass(.seconds(3_600))
        guard queues.nextDeadline == nil else { throw Violation("something expires of nothing") }
        guard queues.droppedDeadLetters == lost else {
            throw Violation("\(queues.droppedDeadLetters) dead letters are counted, \(lost) died")
        }
    }
}
