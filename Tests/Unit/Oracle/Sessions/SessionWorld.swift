import Logging
import MartletMQTTWire
import MartletTesting
import NIOCore
import NIOEmbedded
import Synchronization

@testable import Martlet
@testable import MartletServer

/// A broker on a socket without the sockets: the real hub, sessions and core, clients that follow the rules, and links that
/// are slow, are cut and stay half open. An oracle watches what the broker takes and writes.
///
/// Nothing here waits and no task runs: one loop takes the next event, and time is what that says.
final class SessionWorld: World {
    enum Event {
        /// A client does the next thing.
        case act(Int)
        /// A client that has said nothing for long says that it is there.
        case ping(client: Int, link: Int)
        /// Bytes arrive.
        case up(Int), down(Int)
        /// An end of a link hears that it is gone.
        case upLost(Int), downLost(Int)
        /// A client's socket takes more again.
        case writable(Int)
    }

    private static let logger = Logger(label: "oracle", factory: { _ in SwiftLogNoOpLogHandler() })

    let clock = HandClock()
    let timers: Timers
    let broker: MemoryBroker
    let hub: SessionHub
    private let channel = EmbeddedChannel()
    let spec: Spec
    var clients: [ModelClient] = []
    /// By their numbers.
    var links: [Int: ModelLink] = [:]
    /// Those whose end at the broker is open, in order.
    private var watched: [ModelLink] = []
    var random: SplitMix64
    var events: EventQueue<Event>
    var now = Duration.zero
    /// How many things clients do yet.
    var actsLeft: Int
    let trace: Trace
    private var lastLink = 0
    var lastMessage = 0

    init(seed: UInt64, isTraced: Bool) {
        trace = Trace(isOn: isTraced)
        random = SplitMix64(seed: seed)
        events = EventQueue(seed: seed &+ 1)
        timers = Timers(drivenBy: Timeline(clock))
        broker = MemoryBroker(options: MemoryBroker.Options(clock: clock), handler: StandardHandler(), timers: timers)
        var limits = ServerLimits()
        limits.inFlight = random.pick([2, 4, 256])
        limits.receiveMaximum = random.pick([2, 5, 1_000])
        limits.topicAliases = 2
        let isTight = random.chance(20)
        if isTight {
            limits.queuedMessages = 1 + random.below(4)
            limits.overflow = random.pick([.dropNewest, .dropOldest, .disconnect])
        }
        hub = SessionHub(broker, limits, queueGroup: nil, Self.logger)
        spec = Spec(limits.session, mayDrop: isTight)
        actsLeft = 12 + random.below(20)
        for number in 0..<(2 + random.below(2)) { clients.append(ModelClient(number, &random)) }
    }

    deinit {
        broker.detachHost()
        _ = try? channel.finish()
    }

    // MARK: The loop

    func run() throws {
        try broker.attach(hub)
        for number in clients.indices { events.add(.act(number), at: random.time(upTo: .seconds(1))) }
        try turn()
        try heal()
        try wither()
    }

    /// Lives until no event is left.
    func turn() throws {
        for _ in 0..<20_000 {
            guard let time = events.next else { return }
            try pass(until: time)
            if let event = events.pop() { try perform(event) }
        }
        throw Violation("it does not come to rest")
    }

    /// Time passes, and what is due is done when it is due.
    func pass(until time: Duration) throws {
        while let due = earliest(timers.nextDeadline, spec.nextDeadline), due <= time {
            setTime(max(due, now))
            try fire()
        }
        setTime(max(time, now))
    }

    func setTime(_ time: Duration) {
        now = time
        clock.set(time)
    }

    func fire() throws {
        let next = timers.nextDeadline
        spec.settle(now)
        timers.fireDue()
        try watch()
        if timers.nextDeadline == next, let next, next <= now, spec.nextDeadline.map({ $0 > now }) ?? true {
            throw Violation("at \(now) it wants something done at \(next)")
        }
    }

    private func perform(_ event: Event) throws {
        switch event {
        case .act(let client): try act(client)
        case .ping(let client, let link):
            guard clients[client].link == link, actsLeft > 0 else { return }
            send(.pingreq, by: client)
            events.add(event, at: now + .seconds(25))
        case .up(let number):
            if let link = links[number] { try arrive(link.up.take(&random), at: link) }
        case .down(let number):
            if let link = links[number] { try arriveDown(link.down.take(&random), at: link) }
        case .upLost(let number): try losesUp(number)
        case .downLost(let number): try losesDown(number)
        case .writable(let number): try setWritable(true, number)
        }
    }

    // MARK: Links

    /// A client opens a link and says CONNECT.
    func open(_ client: Int, _ connect: Connect) {
        lastLink += 1
        let connection = ClientConnection(channel, from: channel.remoteAddress, listener: "mqtt")
        let link = ModelLink(number: lastLink, client: client, connect.version, connection, hub.limits.wire)
        links[lastLink] = link
        clients[client].link = lastLink
        send(.connect(connect), by: client)
        if connect.keepAlive > 0, actsLeft > 0 {
            events.add(.ping(client: client, link: lastLink), at: now + .seconds(25))
        }
    }

    /// Writes a packet to the link of a client.
    func send(_ packet: Packet, by client: Int) {
        guard let number = clients[client].link, let link = links[number] else { return }
        note("\(now): \(clients[client].id) says \(packet.short) on link \(number)")
        let bytes = Encoder(clients[client].version).bytes(of: packet)
        if let time = link.up.send(bytes, now: now, &random) { events.add(.up(number), at: time) }
    }

    /// Bytes arrive at the broker.
    private func arrive(_ bytes: [UInt8], at link: ModelLink) throws {
        if !link.up.bytes.isEmpty {
            events.add(.up(link.number), at: link.up.arrival(now: now, within: .milliseconds(20), &random))
        }
        guard link.isOpenAtBroker, !bytes.isEmpty else { return }
        link.brokersBytes += bytes
        if !link.isConnected {
            guard case .connect(let connect) = try link.brokersDecoder.packets(&link.brokersBytes, onlyOne: true).first
            else { return }
            note("\(now): broker takes \(Packet.connect(connect).short) on link \(link.number)")
            link.isConnected = true
            watched.append(link)
            watched.sort { $0.number < $1.number }
            spec.connect(connect, link.number, now: now)
            if spec.links[link.number]?.isPresent == false { clients[link.client].isForgotten = true }
            if let problem = hub.problem(with: connect)
                ?? hub.connect(connect, .init(user: nil), by: link.connection, permissions: { _, _ in .all })
            {
                throw Violation("link \(link.number) is refused: \(problem)")
            }
        }
        let packets = try link.brokersDecoder.packets(&link.brokersBytes)
        // What comes behind a message that has its client cut off is not taken.
        for packets in spec.mayCut ? packets.map({ [$0] }) : [packets]
        where !packets.isEmpty && !link.connection.isClosing {
            for packet in packets {
                note("\(now): broker takes \(packet.short) on link \(link.number)")
                try spec.hear(packet, from: link.number, now: now)
            }
            _ = hub.receive(packets, from: link.connection)
        }
        try watch()
    }

    /// What is on its way to the broker is there.
    func arriveAtOnce(_ link: ModelLink) throws { try arrive(link.up.takeAll(), at: link) }

    /// Looks at what the broker has written, and sends it on.
    func watch() throws {
        var written: [(link: ModelLink, packets: [Packet], isClosing: Bool)] = []
        for link in watched {
            let takings = link.connection.take(upTo: .max)
            let isClosing = takings.isClosing
            for piece in takings.pieces {
                let bytes = Array(piece.bytes.readableBytesView)
                link.watchersBytes += bytes
                if let time = link.down.send(bytes, now: now, &random) { events.add(.down(link.number), at: time) }
            }
            written.append((link, try link.watcher.packets(&link.watchersBytes), isClosing))
            if isClosing { spec.close(link.number, now: now) }
        }
        for (link, packets, isClosing) in written {
            for packet in packets {
                note("\(now): broker writes \(packet.short) on link \(link.number)")
                try spec.see(packet, to: link.number, now: now)
            }
            guard isClosing else { continue }
            note("\(now): broker closes link \(link.number)")
            spec.links[link.number]?.isClosed = true
            link.isOpenAtBroker = false
            link.up.end()
            events.add(.downLost(link.number), at: link.down.arrival(now: now, within: .milliseconds(40), &random))
            link.down.end()
        }
        watched.removeAll { !$0.isOpenAtBroker }
        try spec.rest(now: now)
        if spec.mayDrop { try checkDropped() }
    }

    /// What did not come was counted.
    private func checkDropped() throws {
        let counted = hub.state.withLock { hub in
            hub.places.mapValues { hub.seats[$0]?.session.counts.dropped ?? 0 }
        }
        for session in spec.sessions.values where session.dropped > counted[Array(session.clientID.utf8)] ?? 0 {
            throw Violation("\(session.clientID) misses \(session.dropped), and \(counted) are counted")
        }
    }

    /// Bytes arrive at a client.
    private func arriveDown(_ bytes: [UInt8], at link: ModelLink) throws {
        if !link.down.bytes.isEmpty {
            events.add(.down(link.number), at: link.down.arrival(now: now, within: .milliseconds(20), &random))
        }
        guard link.isOpenAtClient else { return }
        link.clientsBytes += bytes
        for packet in try link.clientsDecoder.packets(&link.clientsBytes) where clients[link.client].link == link.number
        {
            for answer in try clients[link.client].receive(packet) { send(answer, by: link.client) }
        }
    }

    /// The wire breaks. Either end hears of it sooner or later, the broker perhaps much later.
    func cut(_ number: Int) {
        guard let link = links[number] else { return }
        note("\(now): link \(number) is cut")
        link.up.cut(&random)
        link.down.cut(&random)
        let isHalfOpen = random.chance(30)
        events.add(
            .upLost(number),
            at: link.up.arrival(now: now, within: isHalfOpen ? .seconds(90) : .seconds(1), &random)
        )
        events.add(.downLost(number), at: link.down.arrival(now: now, within: .seconds(1), &random))
    }

    private func losesUp(_ number: Int) throws {
        guard let link = links[number] else { return }
        try arrive(link.up.takeAll(), at: link)
        guard link.isOpenAtBroker else { return }
        note("\(now): broker loses link \(number)")
        link.isOpenAtBroker = false
        guard link.isConnected else { return }
        watched.removeAll { $0 === link }
        spec.lose(number, now: now)
        hub.lost(link.connection)
        try watch()
    }

    private func losesDown(_ number: Int) throws {
        guard let link = links[number] else { return }
        try arriveDown(link.down.takeAll(), at: link)
        link.isOpenAtClient = false
        if !link.isOpenAtBroker { links[number] = nil }
        guard clients[link.client].link == number else { return }
        note("\(now): \(clients[link.client].id) loses link \(number)")
        clients[link.client].loseLink()
    }

    func setWritable(_ isWritable: Bool, _ number: Int) throws {
        guard let link = links[number], link.isOpenAtBroker, link.isConnected else { return }
        note("\(now): link \(number) takes \(isWritable ? "more" : "no more")")
        spec.setWritable(isWritable, number, now: now)
        hub.setWritable(isWritable, link.connection)
        try watch()
    }
}

/// The earlier of two times, as far as there are any.
private func earliest(_ a: Duration?, _ b: Duration?) -> Duration? {
    guard let a, let b else { return a ?? b }
    return min(a, b)
}

extension Packet {
    /// A line that tells what it is.
    var short: String {
        switch self {
        case .connect(let connect):
            "CONNECT \(connect.clientID)\(connect.cleanStart ? ", clean" : "")\(connect.will == nil ? "" : ", with a will")"
        case .connack(let connack): "CONNACK \(connack.sessionPresent ? "present" : "new")"
        case .publish(let publish): "PUBLISH \(publish.summary)"
        case .puback(let answer), .pubrec(let answer), .pubrel(let answer), .pubcomp(let answer):
            "\(kind) \(answer.packetID)"
        case .subscribe(let request): "SUBSCRIBE \(request.entries.map { "\($0.filter) \($0.qos.rawValue)" })"
        case .unsubscribe(let request): "UNSUBSCRIBE \(request.filters)"
        case .disconnect(let disconnect): "DISCONNECT \(disconnect.reason.rawValue)"
        default: "\(kind)"
        }
    }
}
