import MartletMQTTWire
import MartletTesting
import Synchronization

@testable import Martlet
@testable import MartletServer

/// What clients do, and how a world ends.
extension SessionWorld {
    private static let topics = ["a", "a/b", "a/c", "b", "s/x", "s/y"]
    private static let filters = [
        "a", "a/b", "a/+", "a/#", "+", "#", "b", "w/#", "+/x", "$share/g/s/+", "$share/h/a", "$share/g/s/x", "s/x",
    ]

    func act(_ number: Int) throws {
        guard actsLeft > 0 else { return }
        actsLeft -= 1
        events.add(.act(number), at: now + random.time(upTo: .milliseconds(random.chance(10) ? 40_000 : 300)))
        guard clients[number].link != nil else { return connect(number, cleanStart: random.chance(25)) }
        switch random.below(100) {
        case 0..<6: if let link = clients[number].link { cut(link) }
        case 6..<10:
            // It comes by another link before the first one is gone.
            connect(number, cleanStart: random.chance(25))
        case 10..<15: disconnect(number)
        case 15..<35 where clients[number].isUp: subscribe(number)
        case 35..<40 where clients[number].isUp: unsubscribe(number)
        case 40..<44:
            guard let link = clients[number].link else { return }
            try setWritable(false, link)
            events.add(.writable(link), at: now + random.time(upTo: .seconds(random.chance(20) ? 100 : 2)))
        case 44..<47: try jump(number)
        default: if clients[number].isUp { publish(number) }
        }
    }

    func connect(_ number: Int, cleanStart: Bool) {
        if let link = clients[number].link {
            links[link]?.isOpenAtClient = false
            // The broker hears late of the end of the old one.
            events.add(.upLost(link), at: now + random.time(upTo: .seconds(50)))
            links[link]?.up.cut(&random)
        }
        let connect = clients[number].connect(cleanStart: cleanStart, will: random.chance(60) ? will(number) : nil)
        open(number, connect)
        // It need not wait for the answer.
        if cleanStart, random.chance(30) { subscribe(number) }
    }

    private func will(_ number: Int) -> WillMessage {
        var properties = PropertyList()
        if clients[number].version == .v5 {
            if random.chance(60) { properties.add(.willDelayInterval, random.pick([1, 10, 100])) }
            if random.chance(30) { properties.add(.messageExpiryInterval, 20) }
        }
        return WillMessage(
            topic: "w/\(clients[number].id)",
            payload: nextPayload(),
            qos: random.pick(QoS.allCases),
            retain: random.chance(40),
            properties: properties
        )
    }

    private func nextPayload() -> [UInt8] {
        lastMessage += 1
        return Array("\(lastMessage)".utf8)
    }

    private func publish(_ number: Int) {
        var qos = random.pick(QoS.allCases)
        if !clients[number].hasRoom { qos = .atMostOnce }
        var properties = PropertyList()
        if clients[number].version == .v5, random.chance(25) {
            properties.add(.messageExpiryInterval, random.pick([1, 10, 100]))
        }
        let retain = random.chance(20)
        let publish = Publish(
            topic: random.pick(Self.topics),
            payload: retain && random.chance(25) ? [] : nextPayload(),
            qos: qos,
            retain: retain,
            properties: properties
        )
        send(clients[number].publish(publish, &random), by: number)
    }

    private func subscribe(_ number: Int) {
        let isNewer = clients[number].version == .v5
        var entries: [SubscribeRequest.Entry] = []
        for _ in 0...random.below(2) {
            let filter = random.pick(Self.filters)
            guard !entries.contains(where: { $0.filter == filter }) else { continue }
            var entry = SubscribeRequest.Entry(
                filter,
                qos: random.pick([.atMostOnce, .atLeastOnce, .exactlyOnce, .exactlyOnce])
            )
            if isNewer {
                entry.noLocal = random.chance(20) && !filter.hasPrefix("$share")
                entry.retainAsPublished = random.chance(40)
                entry.retainHandling = random.pick(SubscribeRequest.RetainHandling.allCases)
            }
            entries.append(entry)
        }
        var properties = PropertyList()
        if isNewer, random.chance(40) { properties.add(.subscriptionIdentifier, UInt32(1 + random.below(9))) }
        send(.subscribe(SubscribeRequest(clients[number].ask(), entries, properties: properties)), by: number)
    }

    private func unsubscribe(_ number: Int) {
        let request = UnsubscribeRequest(clients[number].ask(), [random.pick(Self.filters)])
        send(.unsubscribe(request), by: number)
    }

    /// A client goes in order, perhaps with its will, perhaps with another time for its session.
    private func disconnect(_ number: Int) {
        var disconnect = Disconnect()
        if clients[number].version == .v5 {
            if random.chance(30) { disconnect.reason = .disconnectWithWill }
            if clients[number].expiry > 0, random.chance(30) {
                disconnect.properties.add(.sessionExpiryInterval, random.pick([0, 20]))
            }
        }
        send(.disconnect(disconnect), by: number)
        if let link = clients[number].link {
            links[link]?.up.end()
            links[link]?.isOpenAtClient = false
        }
        clients[number].loseLink()
    }

    /// The clock jumps. A client that connects in that moment is heard before the timers are.
    private func jump(_ number: Int) throws {
        let latest = now + random.time(upTo: .seconds(150))
        let time = max(now, min(latest, spec.isOfOneUntil ?? latest))
        note("\(now): the clock jumps to \(time)")
        setTime(time)
        guard random.chance(50) else { return try fire() }
        connect(number, cleanStart: random.chance(20))
        if let number = clients[number].link, let link = links[number] { try arriveAtOnce(link) }
    }

    // MARK: The end

    /// Nothing breaks any more: all clients come back, and everything that is owed arrives.
    func heal() throws {
        actsLeft = 0
        note("\(now): now all is well")
        try turn()
        // One that has been silent meanwhile may be cut off once more.
        for _ in 0..<4 where !clients.allSatisfy({ $0.isUp && $0.isAtRest }) {
            for number in clients.indices where clients[number].link == nil { connect(number, cleanStart: false) }
            for number in clients.indices { send(.pingreq, by: number) }
            try turn()
        }
        for client in clients where client.link == nil || !client.isUp || !client.isAtRest {
            throw Violation("\(client.id) is not at rest: \(client.sent.count) are under way")
        }
        try spec.end()
    }

    /// All clients leave, all that was kept is deleted, and nothing remains.
    func wither() throws {
        for number in clients.indices { disconnect(number) }
        try turn()
        try pass(until: now + .seconds(40 * 86_400))
        try turn()
        let (seats, free, left) = hub.state.withLock { hub in
            let left: [(String, Int)] = [
                ("sessions", hub.places.count), ("connections", hub.connected.count), ("chores", hub.chores.count),
                ("bytes", hub.queuedBytes), ("announcements", hub.announced.count),
                ("deadlines", hub.deadlines.next == nil ? 0 : 1), ("seats", hub.seats.count { $0 != nil }),
            ]
            return (hub.seats.count, hub.free.count, left.filter { $0.1 != 0 })
        }
        guard left.isEmpty, seats == free else {
            throw Violation("left are \(left), \(free) of \(seats) seats are free")
        }
        try broker.state.withLock { state in
            guard state.core.presence.clients.isEmpty else { throw Violation("the core still has clients") }
            for topic in Self.topics + clients.map({ "w/\($0.id)" }) {
                let message = BrokerPublication(Message([]), to: TopicName(mqtt: topic), retain: true)
                guard try state.core.publish(message).isEmpty else { throw Violation("somebody is left at \(topic)") }
            }
            guard state.core.keptCount == 0 else { throw Violation("\(state.core.keptCount) are kept") }
        }
    }
}
