import DequeModule
import Martlet
import MartletTransport

/// Messages of a session that the broker had kept, which came before those in this process had subscribed who are to read
/// them. They wait for their first subscriber. A pure value.
///
/// In the first seconds of a process no more is read when there are many, lest they be acknowledged and lost. What is read all
/// the same, since an answer of the broker is behind it, is kept as far as the backlog of a connection goes.
struct Orphans {
    static let limit = 1_000
    static let maximumBytes = 16 << 20
    /// How long that is. So long a message that has a reader also waits for others, where the broker does not say by which
    /// subscription it came.
    static let youth = Duration.seconds(10)

    private struct Entry {
        let key: TopicName
        let message: ReceivedMessage
        /// The subscriptions by which it came and that are not known here.
        var strangers: Set<Int>
        /// Whether somebody has got it.
        var isRead: Bool
    }

    /// Whether there may be such messages: the broker had the session.
    private(set) var isKept = false
    private var began: Duration?
    private var entries: Deque<Entry> = []
    private var bytes = 0
    /// How many of them nobody has got.
    private var unread = 0

    /// There is a new link.
    mutating func begin(isKept: Bool, _ now: Duration) {
        self.isKept = isKept
        if isKept, began == nil { began = now }
    }

    private func isYoung(_ now: Duration) -> Bool { began.map { now - $0 < Self.youth } ?? false }

    /// Whether a message that somebody has got is to wait for others as well.
    ///
    /// - Parameter isForOthers: whether it came by a subscription that is not known here; it says so.
    func keepsRead(isForOthers: Bool, isIdentified: Bool, _ now: @autoclosure () -> Duration) -> Bool {
        isKept && (isForOthers || !isIdentified && isYoung(now()))
    }

    /// When reading is to go on, if there are so many that it has to pause.
    func floodEnds(_ now: @autoclosure () -> Duration) -> Duration? {
        let areMany = unread >= Self.limit || unread > 0 && bytes >= Self.maximumBytes
        guard areMany, let began, isYoung(now()) else { return nil }
        return began + Self.youth
    }

    /// - Parameter isRead: whether somebody has got it.
    /// - Returns: how many that nobody has got had to be dropped for it.
    mutating func add(
        _ message: ReceivedMessage,
        key: TopicName,
        strangers: Set<Int>,
        isRead: Bool,
        _ now: Duration
    ) -> Int {
        entries.append(Entry(key: key, message: message, strangers: strangers, isRead: isRead))
        bytes += message.body.count
        if !isRead { unread += 1 }
        let isYoung = isYoung(now)
        let limit = isYoung ? Backlog.maximumMessages : Self.limit
        let maximumBytes = isYoung ? Backlog.maximumBytes : Self.maximumBytes
        var dropped = 0
        while entries.count > limit || bytes > maximumBytes, let oldest = entries.popFirst() {
            bytes -= oldest.message.body.count
            if !oldest.isRead { dropped += 1 }
        }
        unread -= dropped
        return dropped
    }

    /// Takes out those for a filter that is subscribed to for the first time, in the order in which they came.
    ///
    /// Those that came by it are for it alone. Others that it matches are for it, too, if nobody has got them: the process
    /// before may have had other numbers.
    mutating func take(matching pattern: TopicPattern, id: Int, _ now: Duration) -> [ReceivedMessage] {
        guard !entries.isEmpty else { return [] }
        let isYoung = isYoung(now)
        var taken: [ReceivedMessage] = []
        var left: Deque<Entry> = []
        for var entry in entries {
            guard pattern.matches(entry.key) else {
                left.append(entry)
                continue
            }
            let isOwn = entry.strangers.remove(id) != nil
            if isOwn || !entry.isRead || entry.strangers.isEmpty && isYoung { taken.append(entry.message) }
            entry.isRead = true
            if !entry.strangers.isEmpty || !isOwn && isYoung { left.append(entry) }
        }
        entries = left
        bytes = left.reduce(0) { $0 + $1.message.body.count }
        unread = left.count { !$0.isRead }
        return taken
    }
}
