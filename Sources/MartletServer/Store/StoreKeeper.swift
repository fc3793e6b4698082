import Dispatch
import Martlet
import Synchronization

/// Writes what a hub has collected, on a thread of its own: neither the sockets' loops nor tasks wait for the disk.
final class StoreKeeper: Sendable {
    private struct State: ~Copyable, Sendable {
        var log: StoreLog
        /// What the disk has not taken.
        var unwritten: Journal.Group?
        var snapshotBytes: Int
        var isCompacting = false
        /// How long the log was when a snapshot failed.
        var failedAt = 0
        /// When what was written is to be on the disk for certain.
        var syncDue: DispatchTime?
        var isReserveScheduled = false
        var isClosed = false
    }

    /// How much a log is to have at least before a snapshot takes its place.
    private let compactionBytes: Int
    private let sync: BrokerStore.Sync
    private let queue = DispatchQueue(label: "martlet.broker.store")
    private let snapshots = DispatchQueue(label: "martlet.broker.snapshots")
    private let state: Mutex<State>
    private static let patience = DispatchTimeInterval.seconds(1)

    /// Opens a store. Blocks.
    ///
    /// - Throws: as ``StoreLog``'s initializer.
    init(
        _ folder: String,
        _ sync: BrokerStore.Sync,
        _ settings: StoreSettings,
        _ empty: StoreImage,
        contents: inout StoreContents?
    ) throws {
        let log = try StoreLog(
            folder,
            disk: settings.disk,
            isForced: sync == .always,
            reserveBytes: settings.reserveBytes,
            empty,
            contents: &contents
        )
        self.sync = sync
        compactionBytes = settings.compactionBytes
        state = Mutex(State(log: log, snapshotBytes: contents?.snapshotBytes ?? 0))
    }

    /// Whether it has room for when the disk is full.
    var hasReserve: Bool { state.withLock { $0.log.hasReserve } }

    /// Has all be written that a hub has collected.
    func start(_ hub: SessionHub) {
        queue.async { self.write(hub) }
    }

    /// Looks for room, if the disk is full.
    func lookForRoom(_ hub: SessionHub) {
        queue.async { self.state.withLock { self.scheduleReserve(hub, &$0) } }
    }

    /// Writes what is left, and lets somebody else use the folder.
    ///
    /// - Returns: whether all is there.
    func close(_ hub: SessionHub) async -> Bool {
        await BlockingQueue(queue).perform {
            self.writeAll(hub)
            self.snapshots.sync {}
            return self.state.withLock { state in
                state.isClosed = true
                let isCertain = state.log.isCertain || (try? state.log.sync()) != nil
                state.log.unlock()
                return isCertain && state.unwritten == nil && !state.log.isBroken
            }
        }
    }

    // MARK: On its thread

    /// Writes a group. What else is to be done on this thread comes before the next one.
    private func write(_ hub: SessionHub) {
        state.withLock { state in
            guard !state.isClosed else { return }
            do throws(StoreFailure) {
                let isWritten = try writeNext(hub, &state)
                try syncIfDue(hub, &state)
                compactIfDue(hub, &state)
                if isWritten { queue.async { self.write(hub) } }
            } catch {
                hub.storeFailed(error)
                // Until it works again nothing leaves that depends on what is not there.
                queue.asyncAfter(deadline: .now() + Self.patience) { self.write(hub) }
            }
        }
    }

    private func writeAll(_ hub: SessionHub) {
        state.withLock { state in
            do throws(StoreFailure) {
                while try writeNext(hub, &state) {}
            } catch {
                hub.storeFailed(error)
            }
        }
    }

    /// - Returns: whether there may be more.
    private func writeNext(_ hub: SessionHub, _ state: inout State) throws(StoreFailure) -> Bool {
        if state.log.isBroken || hub.isJournalLost {
            try rewrite(hub, &state)
        } else if let group = state.unwritten ?? hub.takeGroup() {
            state.unwritten = group
            try state.log.append(group.entries, time: group.time)
            state.unwritten = nil
            hub.written(group.number)
        } else {
            return false
        }
        hub.setFull(!state.log.hasReserve)
        scheduleReserve(hub, &state)
        return true
    }

    /// Looks again and again whether there is room, until there is.
    private func scheduleReserve(_ hub: SessionHub, _ state: inout State) {
        guard !state.log.hasReserve, !state.isReserveScheduled else { return }
        state.isReserveScheduled = true
        queue.asyncAfter(deadline: .now() + Self.patience) {
            self.state.withLock { state in
                state.isReserveScheduled = false
                guard !state.isClosed else { return }
                if state.log.makeReserve(), state.unwritten == nil, !state.log.isBroken { hub.setFull(false) }
                self.scheduleReserve(hub, &state)
            }
        }
    }

    /// Writes all that there is into a snapshot, when the log can't be relied on.
    private func rewrite(_ hub: SessionHub, _ state: inout State) throws(StoreFailure) {
        guard let capture = hub.capture() else { return }
        state.unwritten = nil
        // Until it is there, what comes goes nowhere else.
        state.log.breaks()
        let generation = state.log.generation + 1
        state.snapshotBytes = try capture.write(
            to: state.log.folder,
            state.log.disk,
            generation: generation,
            next: state.log.next
        )
        try state.log.begin(isReplacing: true)
        hub.written(capture.group.number)
    }

    /// Has what was written be on the disk for certain in time.
    private func syncIfDue(_ hub: SessionHub, _ state: inout State) throws(StoreFailure) {
        guard case .interval(let time) = sync, !state.log.isCertain else { return }
        let now = DispatchTime.now()
        let due = state.syncDue ?? now + time.seconds
        if due <= now {
            state.syncDue = nil
            try state.log.sync()
        } else if state.syncDue == nil {
            state.syncDue = due
            queue.asyncAfter(deadline: due) { self.write(hub) }
        }
    }

    // MARK: Snapshots

    /// Has a snapshot take the place of a log that has become long. What comes meanwhile goes to another log.
    private func compactIfDue(_ hub: SessionHub, _ state: inout State) {
        let due = max(compactionBytes, 2 * state.snapshotBytes)
        guard !state.isCompacting, state.log.bytes > max(due, state.failedAt), let capture = hub.capture() else {
            return
        }
        do throws(StoreFailure) {
            if !capture.group.entries.isEmpty { try state.log.append(capture.group.entries, time: capture.group.time) }
            try state.log.begin(isReplacing: false)
        } catch {
            // The next record would be for a log that there is not.
            state.log.breaks()
            hub.storeFailed(error)
            queue.asyncAfter(deadline: .now() + Self.patience) { self.write(hub) }
            return
        }
        hub.written(capture.group.number)
        state.isCompacting = true
        let (folder, disk) = (state.log.folder, state.log.disk)
        let (generation, next) = (state.log.generation, state.log.next)
        snapshots.async {
            let bytes = Result { () throws(StoreFailure) in
                try capture.write(to: folder, disk, generation: generation, next: next)
            }
            self.queue.async {
                self.state.withLock { state in
                    state.isCompacting = false
                    switch bytes {
                    case .success(let bytes): (state.snapshotBytes, state.failedAt) = (bytes, 0)
                    // The logs before are still there. The next attempt is made when this one has grown.
                    case .failure(let failure):
                        state.failedAt = state.log.bytes + self.compactionBytes
                        hub.storeFailed(failure)
                    }
                }
                self.write(hub)
            }
        }
    }
}
