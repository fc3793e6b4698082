import Synchronization

/// Settlements on their way to the loop. There are no more of them than unsettled deliveries.
final class SettlementQueue: Sendable {
    struct Entry: Sendable {
        let settler: ChannelSettler
        let method: ClientMethod
    }

    private let entries = Mutex<[Entry]>([])
    private let ring: @Sendable () -> Void
    /// Counts a delivery that nobody read before its channel was lost.
    let countStale: @Sendable () -> Void

    init(ring: @escaping @Sendable () -> Void, countStale: @escaping @Sendable () -> Void) {
        self.ring = ring
        self.countStale = countStale
    }

    func add(_ entry: Entry) {
        let isFirst = entries.withLock { entries in
            entries.append(entry)
            return entries.count == 1
        }
        if isFirst { ring() }
    }

    func takeAll() -> [Entry] {
        entries.withLock { entries in
            defer { entries = [] }
            return entries
        }
    }
}
