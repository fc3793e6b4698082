import DequeModule
import Logging
import Martlet
import MartletListeners
import MartletMQTTWire
import NIOCore
import Synchronization

/// The sessions of a broker's MQTT clients: between their sockets and the broker's core.
///
/// All that clients send comes in by batches, under the broker's lock, so that in-process peers and clients see the messages
/// of a topic in one order. What comes of it is appended to the sockets' output at once; what concerns the core is done one
/// after the other, in ``settle(_:)``. Where both locks are held, the broker's was taken first.
final class SessionHub: SessionHost {
    struct State: ~Copyable {
        var seats: [Seat?] = []
        var free: [Int] = []
        /// By the client's identifier.
        var places: [[UInt8]: Int] = [:]
        /// By the connection's number.
        var connected: [Int: Int] = [:]
        /// What sessions have to be done by the core.
        var chores: Deque<Chore> = []
        /// Sockets whose loops are to be told that there is something to write.
        var announced: [ClientConnection] = []
        var names = TopicCache(.mqtt)
        var deadlines = Deadlines<Int>()
        /// When it looks next for what is due.
        var wakesAt: Duration?
        /// What the latest message is in bytes, for all who get it without a guarantee.
        var written = WrittenPublication()
        /// While a message is passed on in a group: whether the member that it was handed to last does not get it; `nil`: none is.
        var isPassedOver: Bool?
        var isClosing = false
        /// The time of what is being done.
        private(set) var now = Duration.zero
        /// What has changed and is to be written to the store, if there is one, and who writes it.
        var journal: Journal?
        var keeper: StoreKeeper?
        /// Sockets whose output waits until a group of changes is in the store, in the order of the groups.
        var waiting: [(connection: ClientConnection, group: UInt64)] = []
        /// Clients that are not read from until the store has caught up.
        var behind: [ClientConnection] = []
        var storeFailures = 0
        /// The bytes that wait for all clients, and how many there may be.
        var queuedBytes = 0
        let allQueuedBytes: Int
        /// Messages of clients, and messages to them.
        var (publishesReceived, publishesSent) = (0, 0)
        var mostClients = 0

        init(_ limits: ServerLimits) {
            allQueuedBytes = limits.allQueuedBytes
        }

        /// Something is done now that comes of nothing before.
        mutating func begin(_ now: Duration) {
            self.now = now
            journal?.begin(now: now)
        }

        /// What is done now may belong to what was done before.
        mutating func goOn(_ now: Duration) { self.now = now }
    }

    /// Something that a session has to be done by the core, or by the hub when it can act on the core.
    struct Chore {
        let place: Int
        let action: SessionAction
        /// Whether it comes of the client's own word that it goes.
        let inOrder: Bool
        /// Whether a message that is passed on in a group was published to be kept, and how the session gets it if no other member
        /// takes it; `nil`: not at all.
        var isRetained = false
        var own: Match?
    }

    /// A client whose messages wait outside a subscription of this process, or a queue, that is full.
    private struct Pause: Sendable {
        let connection: ClientConnection
        let messages: [MemoryBroker.HeldBack]
    }

    /// Those by which the broker says how it stands.
    private static let ownTopics = TopicPattern(mqtt: "$SYS/#")
    /// So many messages of clients may wait outside at a time, also of clients that have gone since.
    private static let mostHeld = 10_000

    let broker: MemoryBroker
    let limits: ServerLimits
    /// The group whose members consume queues; `nil`: none does.
    let queueGroup: ByteKey?
    let logger: Logger
    let state: Mutex<State>
    let faults = Mutex(FaultLog())
    private let held = Atomic(0)
    private let bytesReceived = Atomic(0)
    private let bytesSent = Atomic(0)
    /// The last group of changes that is in the store.
    let written = Atomic<UInt64>(0)
    private let pauses: AsyncStream<Pause>
    private let pausing: AsyncStream<Pause>.Continuation

    init(_ broker: MemoryBroker, _ limits: ServerLimits, queueGroup: String?, _ logger: Logger) {
        self.broker = broker
        self.limits = limits
        self.queueGroup = queueGroup.map { ByteKey($0) }
        state = Mutex(State(limits))
        self.logger = logger
        // A client is not read from while it is paused, so that there is one entry a client at most.
        (pauses, pausing) = AsyncStream.makeStream(bufferingPolicy: .unbounded)
    }

    // MARK: From the sockets

    /// Takes what a client has sent: packets in order, and what was wrong with what came after them.
    ///
    /// - Returns: what the client has said in an authentication, to be decided about by ``authenticated(_:_:)``.
    func receive(_ packets: [Packet], _ fault: WireFault? = nil, from connection: ClientConnection) -> [UInt8]? {
        var said: [UInt8]?
        act(of: connection) { state, now in
            for packet in packets {
                self.with(connection, inOrder: packet.kind == .disconnect) { $0.receive(packet, now: now, &$1) }
                self.settle(&state)
            }
            if let fault { self.with(connection) { $0.receive(fault, now: now, &$1) } }
            self.settle(&state)
            if packets.contains(where: { $0.kind == .auth }) {
                said = self.state.withLock { hub in
                    hub.connected[connection.number].flatMap { hub.seats[$0]?.session.takeAuthenticationData() }
                }
            }
        }
        return said
    }

    /// It was decided about what a client has said in an authentication.
    func authenticated(_ connection: ClientConnection, _ verdict: Door.Verdict) {
        act(of: connection) { state, now in
            let place = self.state.withLock { $0.connected[connection.number] }
            let outcome: AuthenticationOutcome =
                switch verdict {
                case .proceeds(let data, _): .proceed(data)
                // A session and what it is allowed are the user's: it can't become another's on its way.
                case .admitted(let admission) where place.map { isOfUser(admission.user, $0) } ?? false:
                    .succeeded(admission.data, for: admission.time)
                case .admitted, .refused: .failed
                }
            self.with(connection) { $0.authenticated(outcome, now: now, &$1) }
            self.settle(&state)
        }
    }

    /// Whether a session is a user's. What differs in any byte is somebody else.
    func isOfUser(_ user: String?, _ place: Int) -> Bool {
        let own = state.withLock { $0.seats[place]?.client.user }
        return own.map { Array($0.utf8) } == user.map { Array($0.utf8) }
    }

    /// The client's socket has gone.
    func lost(_ connection: ClientConnection) {
        act(of: connection) { state, now in
            self.with(connection) { $0.loseLink(now: now, &$1) }
            self.leave(connection, inOrder: false, &state)
            self.settle(&state)
        }
    }

    /// The client's socket takes more, or no more for now.
    func setWritable(_ isWritable: Bool, _ connection: ClientConnection) {
        act(of: connection) { state, now in
            self.state.withLock { hub in
                guard let place = hub.connected[connection.number] else { return }
                hub.seats[place]?.isStuck = !isWritable
            }
            self.with(connection) { $0.setWritable(isWritable, now: now, &$1) }
            self.settle(&state)
        }
    }

    /// The connection of a client that is there.
    func connection(of clientID: String) -> ClientConnection? {
        state.withLock { hub in hub.places[Array(clientID.utf8)].flatMap { hub.seats[$0]?.connection } }
    }

    /// Ends a client's connection, and tells it why.
    func cut(_ connection: ClientConnection, _ reason: ReasonCode) {
        act(of: connection) { state, now in
            self.with(connection) { $0.cut(reason, now: now, &$1) }
            self.settle(&state)
        }
    }

    /// Ends all connections and sessions, and takes no more.
    func close() {
        pausing.finish()
        let connections = state.withLock { hub in
            hub.isClosing = true
            return hub.seats.compactMap { $0?.connection }
        }
        for connection in connections { cut(connection, .serverShuttingDown) }
        broker.enter { state in
            let now = broker.now
            self.state.withLock { $0.begin(now) }
            for place in self.state.withLock({ $0.seats.indices }) {
                self.state.withLock { hub in
                    hub.act(at: place) { if !$0.isKept { $0.end(now: now, &$1) } }
                }
                self.settle(&state)
            }
        }
        handOver()
    }

    /// Counts what has come from sockets.
    func countReceived(_ bytes: Int) { bytesReceived.add(bytes, ordering: .relaxed) }

    /// Counts what was written to sockets.
    func countSent(_ bytes: Int) { bytesSent.add(bytes, ordering: .relaxed) }

    // MARK: Acting

    /// Acts under the broker's lock, then writes what came of it.
    func act(of connection: ClientConnection, _ body: (inout MemoryBroker.State, Duration) -> Void) {
        broker.enter { state in
            let now = broker.now
            self.state.withLock { $0.begin(now) }
            body(&state, now)
            self.state.withLock { hub in
                guard let place = hub.connected[connection.number] else { return }
                hub.fillBacklogs(at: place, broker, &state)
                hub.holdUpIfBehind(connection, at: place)
                hub.noteDeadline(of: place)
            }
            self.scheduleTick()
        }
        handOver()
    }

    /// Has the session of a connection act; what it wants done is written or noted.
    private func with(
        _ connection: ClientConnection,
        inOrder: Bool = false,
        _ body: @Sendable (inout ServerSession, inout [SessionAction]) -> Void
    ) {
        state.withLock { hub in
            guard let place = hub.connected[connection.number] else { return }
            hub.act(at: place, inOrder: inOrder, body)
        }
    }

    /// Has the core do what sessions want of it, until nothing is left. Under the broker's lock alone.
    func settle(_ broker: inout MemoryBroker.State) {
        // One time for all that comes of one batch: what is left of a message's life is not more than it had.
        let now = state.withLock { $0.now }
        while let chore = state.withLock({ $0.chores.popFirst() }) {
            perform(chore, now: now, &broker)
        }
    }

    private func perform(_ chore: Chore, now: Duration, _ broker: inout MemoryBroker.State) {
        let place = chore.place
        switch chore.action {
        case .send, .deliver: break
        case .publish(let publish):
            let isFull = state.withLock { hub in
                hub.publishesReceived += 1
                return hub.journal?.isFull == true
            }
            guard !isFull || !isKept(publish, &broker) else {
                state.withLock { hub in
                    hub.act(at: place) { session, actions in
                        guard publish.qos > .atMostOnce else { return session.drop() }
                        session.refuse(publish, .quotaExceeded, now: now, &actions)
                    }
                }
                break
            }
            let reason = self.publish(publish, at: place, now: now, &broker)
            state.withLock { hub in hub.act(at: place) { $0.published(publish, as: reason, &$1) } }
        case .subscribe(let subscribe): self.subscribe(subscribe, at: place, now: now, &broker)
        case .unsubscribe(let unsubscribe): self.unsubscribe(unsubscribe, at: place, &broker)
        case .settle(let delivery, let verdict): settle(delivery, verdict, at: place, &broker)
        case .passOn(let publication, let subscription):
            passOn(publication, of: subscription, chore, &broker)
        case .publishWill(let will):
            state.withLock { $0.record(.willPublished, at: place) }
            publishWill(will, at: place, now: now, &broker)
        case .close:
            if let connection = state.withLock({ $0.seats[place]?.connection }) {
                leave(connection, inOrder: chore.inOrder, &broker)
            }
        case .end: end(place, &broker)
        }
    }

    /// Whether the store is to have anything of a message.
    private func isKept(_ publish: Publish, _ broker: inout MemoryBroker.State) -> Bool {
        publish.qos > .atMostOnce || publish.retain
            || self.broker.hasQueue(of: TopicName(mqtt: publish.topic), &broker)
    }

    /// A client's connection is over.
    private func leave(_ connection: ClientConnection, inOrder: Bool, _ broker: inout MemoryBroker.State) {
        let client: Int? = state.withLock { hub in
            guard let place = hub.connected.removeValue(forKey: connection.number) else { return nil }
            hub.seats[place]?.connection = nil
            hub.seats[place]?.keepGuaranteedBacklogs()
            hub.seats[place]?.isStuck = false
            hub.noteDeadline(of: place)
            return hub.seats[place]?.number
        }
        if let client { self.broker.leaveSession(client, inOrder: inOrder, &broker) }
    }

    /// A session is over.
    private func end(_ place: Int, _ broker: inout MemoryBroker.State) {
        let client: Int? = state.withLock { hub in
            guard let seat = hub.seats[place], !seat.session.isConnected else { return nil }
            hub.record(.ended, at: place)
            if let connection = seat.connection { hub.connected[connection.number] = nil }
            // Its own will may have come to it after all else was thrown away.
            hub.queuedBytes -= seat.session.queuedBytes
            hub.places[Array(seat.session.clientID.utf8)] = nil
            hub.seats[place] = nil
            hub.free.append(place)
            hub.deadlines.forget(place)
            return seat.number
        }
        if let client { self.broker.endSession(client, &broker) }
    }

    /// Has each client be allowed something else from now on.
    func setPermissions(_ permissions: (_ clientID: String, _ user: String?) -> Permissions) {
        broker.enter { state in
            let now = broker.now
            for place in self.state.withLock({ hub in
                hub.begin(now)
                return hub.seats.indices
            }) {
                let client = self.state.withLock { hub in
                    hub.seats[place].map { ($0.session.clientID, $0.client.user) }
                }
                guard let client else { continue }
                allow(permissions(client.0, client.1), at: place, &state)
                self.state.withLock { $0.dropForbidden(at: place) }
            }
            // What one may not have any more is given to another when it is known of all what they may.
            self.settle(&state)
        }
        handOver()
    }

    /// Has a session's client be allowed something else.
    func allow(_ permissions: Permissions, at place: Int, _ broker: inout MemoryBroker.State) {
        state.withLock { $0.seats[place]?.permissions = permissions }
        chooseQueues(at: place, &broker)
    }

    // MARK: From the broker

    /// Delivers a message to sessions. Called under the broker's lock.
    func deliver(_ publication: BrokerPublication, to recipients: [Recipient]) {
        // Of a client's message the time has been taken.
        let now = publication.origin == nil ? broker.now : nil
        state.withLock { hub in
            if let now { hub.goOn(now) }
            let wire = publication.wire
            hub.deliver(wire, publication, to: recipients)
        }
    }

    /// Writes what was appended, and does what is left to be done, when no lock is held.
    func handOver() {
        if state.withLock({ !$0.chores.isEmpty }) {
            broker.enter { state in
                let now = broker.now
                self.state.withLock { $0.begin(now) }
                self.settle(&state)
                self.scheduleTick()
            }
        }
        let (announced, keeper) = state.withLock { hub in
            let announced = hub.announced
            hub.announced.removeAll(keepingCapacity: true)
            return (announced, hub.journal?.startWriting() == true ? hub.keeper : nil)
        }
        keeper?.start(self)
        announce(announced)
    }

    /// Has the sockets' loops write what there is.
    func announce(_ announced: [ClientConnection]) {
        guard !announced.isEmpty else { return }
        guard announced.count > 1 else { return ClientConnection.write(announced) }
        for group in Dictionary(grouping: announced, by: { ObjectIdentifier($0.channel.eventLoop) }).values {
            ClientConnection.write(group)
        }
    }

    /// Has a client's socket not be read from until messages that it sent have found room.
    ///
    /// - Returns: whether they may wait so long; otherwise they are to be withdrawn when no lock is held.
    func pause(_ connection: ClientConnection, for messages: [MemoryBroker.HeldBack]) -> Bool {
        guard held.load(ordering: .relaxed) < Self.mostHeld else { return false }
        held.add(messages.count, ordering: .relaxed)
        connection.pause()
        hold(connection, true)
        pausing.yield(Pause(connection: connection, messages: messages))
        return true
    }

    func hold(_ connection: ClientConnection, _ isHeld: Bool) {
        let now = broker.now
        state.withLock { hub in
            guard let place = hub.connected[connection.number] else { return }
            hub.seats[place]?.session.hold(isHeld, now: now)
            hub.noteDeadline(of: place)
        }
        if !isHeld { scheduleTick() }
    }

    /// Has sockets be read from again when what their clients sent has found room, until it is cancelled.
    func resumePaused() async {
        await withDiscardingTaskGroup { group in
            for await pause in pauses {
                group.addTask {
                    for message in pause.messages { try? await message.waitUntilAdmitted() }
                    self.held.subtract(pause.messages.count, ordering: .relaxed)
                    self.hold(pause.connection, false)
                    pause.connection.resume()
                }
            }
            group.cancelAll()
        }
    }

    /// What there is and what was counted, but for the connections.
    var statistics: ServerStatistics {
        var statistics = ServerStatistics()
        statistics.faults = faults.withLock { $0.total }
        statistics.bytesReceived = bytesReceived.load(ordering: .relaxed)
        statistics.bytesSent = bytesSent.load(ordering: .relaxed)
        let own = broker.enter { broker.keptTopics(of: Self.ownTopics, &$0).count }
        statistics.retained = max(0, broker.keptCount - own)
        statistics.published = broker.statistics.published
        state.withLock { hub in
            statistics.clients = hub.connected.count
            statistics.mostClients = hub.mostClients
            statistics.received = hub.publishesReceived
            statistics.sent = hub.publishesSent
            statistics.storeFailures = hub.storeFailures
            for case let seat? in hub.seats {
                statistics.sessions += 1
                statistics.subscriptions += seat.session.subscriptionCount
                statistics.queued += seat.session.queuedMessages
                statistics.dropped += seat.session.counts.dropped + seat.session.counts.tooLong
                statistics.expired += seat.session.counts.expired
            }
        }
        return statistics
    }

    // MARK: Time

    /// When something is done by so much later than planned this process did not run meanwhile, or hardly.
    private static let absence = Duration.seconds(1)

    /// Has it look again when the next session has something to do. Under the broker's lock.
    func scheduleTick() {
        let time: Duration? = state.withLock { hub in
            guard let next = hub.deadlines.next, hub.wakesAt.map({ next < $0 }) ?? true else { return nil }
            hub.wakesAt = next
            return next
        }
        guard let time else { return }
        broker.schedule(at: time) { [weak self] in self?.tick(time) }
    }

    private func tick(_ time: Duration) {
        broker.enter { state in
            let now = max(time, broker.now)
            self.state.withLock { hub in
                hub.begin(now)
                if hub.wakesAt == time { hub.wakesAt = nil }
            }
            settleDue(now: now, &state)
            scheduleTick()
        }
        handOver()
    }

    /// Has each session do what is due. Under the broker's lock.
    func settleDue(now: Duration, _ broker: inout MemoryBroker.State) {
        state.withLock { hub in
            if let due = hub.deadlines.next, self.broker.delay(since: due) > Self.absence { hub.excuseClients() }
        }
        while let place = state.withLock({ $0.deadlines.popDue(at: now) }) {
            state.withLock { hub in
                hub.excuseIfSlow(at: place)
                hub.act(at: place) { $0.tick(now: now, &$1) }
                hub.noteDeadline(of: place)
            }
            settle(&broker)
        }
    }
}
