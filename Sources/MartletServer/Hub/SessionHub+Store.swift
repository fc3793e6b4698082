import Logging
import Martlet
import MartletMQTTWire
import Synchronization

extension SessionHub.State {
    /// Takes down what has changed of a session.
    mutating func recordChanges(at place: Int) {
        guard journal != nil, let changes = seats[place]?.session.takeChanges(), !changes.isEmpty else { return }
        for change in changes { record(change, at: place) }
    }

    /// Takes down a change of a session, if the store is to have it.
    mutating func record(_ change: SessionChange, at place: Int) {
        guard let log = journal?.log, seats.indices.contains(place), seats[place]?.session.isRecorded == true else {
            return
        }
        var isNew = seats[place]?.knownToLog != log
        // A client may come from elsewhere than the last time.
        if case .connected = change { isNew = true }
        if isNew, let seat = seats[place] {
            seats[place]?.knownToLog = log
            journal?.introduce(place, seat.session.clientID, seat.client)
        }
        journal?.add(change, of: place)
    }

    /// The sessions that the store is to have.
    fileprivate var recorded: [StoreCapture.Seated] {
        seats.indices.compactMap { place in
            guard let seat = seats[place], seat.session.isRecorded else { return nil }
            return StoreCapture.Seated(place: place, session: seat.session, client: seat.client)
        }
    }

    /// Has a client not be read from while so much waits for the disk.
    mutating func holdUpIfBehind(_ connection: ClientConnection, at place: Int) {
        guard journal?.isBehind == true, !behind.contains(where: { $0 === connection }) else { return }
        behind.append(connection)
        connection.pause()
        seats[place]?.session.hold(true, now: now)
    }
}

/// What outlives the process.
extension SessionHub {
    /// From one record to the next there is so much time at most while clients are there whose sessions are kept.
    static let beat = Duration.seconds(60)
    private static let opening = BlockingQueue(label: "martlet.broker.store.open")

    /// The last group of changes that is in the store.
    var lastWritten: UInt64 { written.load(ordering: .acquiring) }

    // MARK: Opening

    /// Opens the store, and has all be as it was.
    ///
    /// - Parameter permissions: what a client of an identifier and a user may do.
    /// - Throws: `MessagingError.Code.invalidArgument` if its folder can't be used or a file in it is damaged.
    func open(
        _ store: BrokerStore,
        _ settings: StoreSettings,
        permissions: (_ clientID: String, _ user: String?) -> Permissions
    ) async throws {
        guard case .log(let folder, let sync) = store.form else { return }
        let empty = StoreImage(limits.session, WallTime(broker.now, is: settings.wall()))
        let (keeper, contents) = try await Self.opening.perform {
            var contents: StoreContents?
            let keeper = try StoreKeeper(folder, sync, settings, empty, contents: &contents)
            return (keeper, contents)
        }
        guard let contents else { return }
        if contents.cutBytes > 0 {
            logger.warning(
                "the store's last record was not written whole and is cut off; nothing that was acknowledged depends on it",
                metadata: ["folder": "\(folder)", "bytes": "\(contents.cutBytes)"]
            )
        }
        let hasRoom = keeper.hasReserve
        broker.enter { state in
            let now = broker.now
            self.state.withLock { hub in
                hub.journal = Journal(settings.wall, now: now, base: contents.image.lastNumber)
                hub.journal?.isFull = !hasRoom
                hub.keeper = keeper
                hub.begin(now)
            }
            restoreKept(contents.image, now: now, &state)
            let sessions = restoreSessions(contents.image, permissions, now: now, &state)
            restoreQueues(contents.image, sessions, now: now, &state)
            // What has become due meanwhile is done now that all are there who may get it.
            for place in sessions.map(\.place) {
                self.state.withLock { hub in
                    // The rules may have changed.
                    hub.dropForbidden(at: place)
                    hub.act(at: place) { $0.tick(now: now, &$1) }
                    hub.noteDeadline(of: place)
                }
                settle(&state)
            }
            scheduleTick()
        }
        if !hasRoom { keeper.lookForRoom(self) }
        handOver()
        scheduleBeat()
    }

    private func scheduleBeat() {
        broker.schedule(at: broker.now + Self.beat) { [weak self] in
            guard let self else { return }
            let goesOn = state.withLock { hub in
                guard hub.journal != nil else { return false }
                if hub.connected.values.contains(where: { hub.seats[$0]?.session.isKept == true }) {
                    hub.journal?.isBeatDue = true
                }
                return true
            }
            guard goesOn else { return }
            handOver()
            scheduleBeat()
        }
    }

    // MARK: From the broker

    func record(_ changes: [BrokerChange]) {
        state.withLock { hub in
            guard hub.journal != nil else { return }
            for change in changes where change.isOfClients { hub.journal?.add(change) }
        }
    }

    // MARK: For the store's thread

    var isJournalLost: Bool { state.withLock { $0.journal?.isLost ?? false } }

    /// The next group of changes to be written: all of what is done together, or nothing of it.
    func takeGroup() -> Journal.Group? {
        broker.enter { _ in self.state.withLock { $0.journal?.take() } }
    }

    /// All that there is. What comes then is for the next log.
    func capture() -> StoreCapture? {
        broker.enter { state in
            let now = broker.now
            self.state.withLock { $0.begin(now) }
            // What sessions want done is done first: a will is with its session, or published.
            settle(&state)
            broker.record(&state)
            let retained = broker.keptMessages(&state)
            let queues = broker.queueContents(&state)
            return self.state.withLock { hub in
                guard let group = hub.journal?.takeForNextLog(), let writer = hub.journal?.emptyWriter else {
                    return nil
                }
                return StoreCapture(
                    group: group,
                    writer: writer,
                    sessions: hub.recorded,
                    retained: retained,
                    queues: queues
                )
            }
        }
    }

    /// The changes up to a group are in the store: what depends on them leaves.
    func written(_ group: UInt64) {
        written.store(group, ordering: .releasing)
        let (waiting, behind) = state.withLock { hub in
            hub.journal?.written = group
            let count = hub.waiting.firstIndex { $0.group > group } ?? hub.waiting.count
            defer {
                hub.waiting.removeFirst(count)
                hub.behind = []
            }
            return (hub.waiting[..<count].map(\.connection), hub.behind)
        }
        announce(waiting)
        for connection in behind {
            hold(connection, false)
            connection.resume()
        }
    }

    /// Whether the disk has room.
    func setFull(_ isFull: Bool) {
        if isFull {
            storeFailed(nil)
        } else {
            state.withLock { $0.journal?.isFull = false }
        }
    }

    /// The disk has not taken something, or is full.
    func storeFailed(_ failure: StoreFailure?) {
        let isFirst = state.withLock { hub in
            let isFirst = hub.journal?.isFull == false
            hub.journal?.isFull = true
            if isFirst || failure != nil { hub.storeFailures += 1 }
            return isFirst
        }
        guard isFirst else { return }
        logger.error(
            "the store's disk fails or is full: what is to be kept is refused (0x97), and nothing is acknowledged that is not there",
            metadata: failure.map { ["error": "\($0)"] }
        )
    }

    // MARK: Closing

    /// Writes what is left, and forgets what is kept of sessions and queues.
    ///
    /// - Returns: whether all is in the store; always, if there is none.
    func closeStore() async -> Bool {
        guard let keeper = state.withLock({ $0.keeper }) else { return true }
        let isWhole = await keeper.close(self)
        if !isWhole { logger.error("not all is in the store; what is not there was not acknowledged") }
        broker.enter { state in
            // Otherwise a server that reads the store anew for this broker would double it.
            let isAllThere = self.state.withLock { isWhole && $0.journal?.isEmpty == true }
            if isAllThere { broker.forgetQueued(&state) }
            let numbers = self.state.withLock { hub in
                (hub.journal, hub.keeper) = (nil, nil)
                (hub.places, hub.connected, hub.queuedBytes) = ([:], [:], 0)
                let numbers = hub.seats.compactMap { $0?.number }
                for place in hub.seats.indices where hub.seats[place] != nil {
                    hub.seats[place] = nil
                    hub.free.append(place)
                }
                return numbers
            }
            for number in numbers { broker.endSession(number, &state) }
        }
        return isWhole
    }
}

extension BrokerChange {
    /// Whether it is none of the broker's own topics, which it publishes anew.
    fileprivate var isOfClients: Bool {
        switch self {
        case .kept(let publication): !publication.topic.isOfBroker
        case .cleared(let topic): !topic.isOfBroker
        case .queued, .assigned, .taken: true
        }
    }
}
