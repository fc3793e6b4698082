/// Which of the messages that the broker keeps a subscriber still waits for. A pure value.
///
/// A broker sends what it keeps whenever it is asked for a filter, and does not say for whom. Where several subscribers of one
/// connection asked, each takes the first message of each topic that comes marked as kept, and no second one.
struct RetainedIntake {
    /// After what time without a kept message all are there, if the socket had nothing more.
    static let patience = Duration.seconds(10)
    /// How many topics are remembered. Beyond that a message may be taken twice.
    static let limit = 1 << 20

    private enum State: Equatable {
        case closed
        /// The broker is to be asked.
        case wanted
        /// The broker is asked by the SUBSCRIBE of that number, and has not answered.
        case asked(Int)
        case answered
    }

    private var state = State.closed
    /// The topics, as hashes, of which nothing kept is wanted any more.
    private var seen: Set<Int> = []
    private var latest = Duration.zero

    var isOpen: Bool { state != .closed }

    /// Whether the broker is to be asked.
    var isWanted: Bool { state == .wanted }

    /// When it will have waited long enough, if nothing more comes; `nil` before the broker has answered.
    var waited: Duration? { state == .answered ? latest + Self.patience : nil }

    /// The broker is to be asked.
    mutating func begin(_ now: Duration) {
        state = .wanted
        seen = []
        latest = now
    }

    /// The broker is asked.
    ///
    /// - Parameter number: that of the SUBSCRIBE. Later ones have greater ones.
    mutating func asked(_ number: Int) {
        if state == .wanted { state = .asked(number) }
    }

    /// The broker has refused a SUBSCRIBE, and is to be asked again.
    mutating func refused(_ number: Int) {
        if state == .asked(number) { state = .wanted }
    }

    /// The broker has answered a SUBSCRIBE. Kept messages may come before that and long after.
    mutating func answered(_ number: Int, _ now: Duration) {
        guard case .asked(let own) = state, own <= number else { return }
        state = .answered
        latest = now
    }

    /// A kept message of a topic has come.
    ///
    /// - Returns: whether it is for this subscriber.
    mutating func takes(_ topic: Int, _ now: Duration) -> Bool {
        guard isOpen else { return false }
        latest = now
        return seen.count >= Self.limit || seen.insert(topic).inserted
    }

    /// A new message of a topic has come. It came after what the broker kept when it was asked, so that what comes later as
    /// kept is for others.
    mutating func passed(_ topic: Int) {
        if state == .answered, seen.count < Self.limit { seen.insert(topic) }
    }

    /// The socket has nothing more at the moment.
    ///
    /// - Returns: whether it still waits for kept messages.
    mutating func readDry(_ now: Duration) -> Bool {
        if let waited, now >= waited {
            state = .closed
            seen = []
        }
        return isOpen
    }
}
