/// When a service announces itself to Home Assistant. A pure value.
///
/// It does once it is connected, and after Home Assistant has started: then a few seconds later, for that has much to do, and all
/// that hear of it should not answer at once. What comes while an announcement is due is part of it. Between two there is a while:
/// Home Assistant leaves out what comes while it deals with the one before.
struct AnnouncementSchedule: Sendable {
    static let pause = Duration.seconds(5)
    /// How long Home Assistant is given to subscribe to the topics of what it has just been told of. Until then it misses states that the
    /// broker does not keep.
    static let delayOfStates = Duration.seconds(1)
    /// When the next one is due; `nil`: none is.
    private(set) var due: Duration?
    private var isLinked = false
    private var last: Duration?

    /// There is a link. Home Assistant may have been told before, but the broker may be another one.
    mutating func linked(at now: Duration) {
        isLinked = true
        due = earliest(now)
    }

    /// There is none. When it is back it is told anyway.
    mutating func lost() {
        isLinked = false
        due = nil
    }

    /// Home Assistant has started.
    ///
    /// - Parameter delay: how long to wait.
    mutating func born(at now: Duration, delay: Duration) {
        guard isLinked, due == nil else { return }
        due = earliest(now + delay)
    }

    /// An announcement begins.
    ///
    /// - Returns: whether it is due.
    mutating func begin(at now: Duration) -> Bool {
        guard let due, due <= now else { return false }
        self.due = nil
        last = now
        return true
    }

    private func earliest(_ time: Duration) -> Duration {
        last.map { max(time, $0 + Self.pause) } ?? time
    }
}
