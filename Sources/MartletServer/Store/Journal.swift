import Martlet
import MartletMQTTWire
import Synchronization

/// What has changed since it was written last, as entries of a store's log. A pure value.
///
/// Changes are collected in groups. Nothing that depends on a group leaves before the group is written.
struct Journal: Sendable {
    /// What is written in one go.
    struct Group: Sendable {
        let number: UInt64
        let entries: [UInt8]
        let time: Int64
    }

    /// As many bytes wait to be written before clients are not read from.
    private static let plenty = 1 << 20
    /// As many may wait; then they are dropped, and a snapshot is to be written in their place.
    private static let limit = 64 << 20

    private var writer: EntryWriter
    private let wall: @Sendable () -> Int64
    /// The number of the group that is collected.
    private(set) var group: UInt64 = 1
    /// The group that what is being done depends on; 0: on none, or on one that is written.
    var needed: UInt64 { latest > written ? latest : 0 }
    private var latest: UInt64 = 0
    /// The last group that is written.
    var written: UInt64 = 0
    /// The number of the log that the group is for. What a log tells of it introduces first.
    private(set) var log = 1
    private var lastMessage: UInt64 = 0
    /// The last message before this log.
    private var earlierMessages: UInt64 = 0
    /// Whether entries were dropped.
    private(set) var isLost = false
    /// Whether the time alone is to be written.
    var isBeatDue = false
    /// Whether somebody writes.
    private(set) var isBeingWritten = false
    /// Whether the disk takes no more: then what clients want kept is refused.
    var isFull = false

    /// - Parameter base: what is added to the numbers of queues' messages and deliveries.
    init(_ wall: @escaping @Sendable () -> Int64, now: Duration, base: UInt64) {
        self.wall = wall
        writer = EntryWriter(WallTime(now, is: wall()), base: base)
    }

    /// A writer as its own is now, of nothing.
    var emptyWriter: EntryWriter { EntryWriter(writer.clock, base: writer.base) }

    /// Whether so much waits that clients are not to be read from.
    var isBehind: Bool { writer.bytes.count > Self.plenty || isLost }

    // MARK: Collecting

    /// Something is done that depends on nothing before.
    mutating func begin(now: Duration) {
        latest = 0
        writer.clock = WallTime(now, is: wall())
    }

    mutating func introduce(_ session: Int, _ clientID: String, _ client: BrokerClient) {
        writer.session(session, clientID, client)
    }

    mutating func add(_ change: SessionChange, of session: Int) {
        let message = change.publication.map { number(of: $0) } ?? 0
        writer.change(change, of: session, message: message)
        added()
    }

    mutating func add(_ change: BrokerChange) {
        switch change {
        case .kept(let publication):
            if let origin = publication.origin as? Publication {
                writer.kept(number(of: origin))
            } else {
                writer.kept(publication)
            }
        case .cleared(let topic): writer.cleared(topic)
        case .queued(let queued, let queue):
            let message = (queued.origin as? Publication).map { number(of: $0) }
            writer.enqueued(queued, in: queue, message: message)
        case .assigned(let number, let tag): writer.assigned(number, tag: tag)
        case .taken(let number): writer.taken(number)
        }
        added()
    }

    private mutating func added() {
        latest = group
        guard writer.bytes.count > Self.limit || isLost else { return }
        writer.removeAll()
        isLost = true
    }

    /// The number of a message in this log, which has it.
    private mutating func number(of publication: Publication) -> UInt64 {
        let known = publication.storedNumber.load(ordering: .relaxed)
        guard known <= earlierMessages else { return known }
        lastMessage += 1
        publication.storedNumber.store(lastMessage, ordering: .relaxed)
        writer.message(lastMessage, publication)
        return lastMessage
    }

    // MARK: Writing

    /// Whether nothing waits to be written.
    var isEmpty: Bool { writer.bytes.isEmpty && !isLost }

    /// Whether somebody is to begin writing.
    mutating func startWriting() -> Bool {
        guard !isBeingWritten, isLost || isBeatDue || !writer.bytes.isEmpty else { return false }
        isBeingWritten = true
        return true
    }

    /// Takes what is to be written; `nil`: there is nothing, and nobody writes from now on.
    mutating func take() -> Group? {
        guard isBeatDue || !writer.bytes.isEmpty else {
            isBeingWritten = false
            return nil
        }
        return takeGroup()
    }

    private mutating func takeGroup() -> Group {
        defer { group += 1 }
        isBeatDue = false
        return Group(number: group, entries: writer.take(), time: wall())
    }

    /// Takes what is to be written; what comes then is for another log.
    mutating func takeForNextLog() -> Group {
        defer {
            log += 1
            earlierMessages = lastMessage
            isLost = false
        }
        return takeGroup()
    }
}
