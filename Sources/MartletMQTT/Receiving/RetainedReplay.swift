/// How often a broker may send what it keeps of a topic, since it was asked for a filter. A pure value.
///
/// It sends that once for each SUBSCRIBE, and does not say for which. What comes marked as kept beyond that is new: some brokers
/// leave the mark on what they pass on.
struct RetainedReplay {
    private var asks = 0
    /// The numbers of the latest SUBSCRIBE, and of the latest that it has answered.
    private var (asked, answered) = (0, 0)
    /// How many messages of each topic, as hashes, have come.
    private var counts: [Int: Int] = [:]
    private var latest = Duration.zero

    /// The broker is asked by the SUBSCRIBE of that number. Later ones have greater ones.
    mutating func asked(_ number: Int) {
        asks += 1
        asked = number
    }

    /// The broker has answered a SUBSCRIBE. What it keeps may come before that and long after.
    mutating func answered(_ number: Int, _ now: Duration) {
        answered = max(answered, number)
        latest = max(latest, now)
    }

    /// A message of a topic has come that is marked as kept.
    ///
    /// - Returns: whether the broker may have sent it since it was asked.
    mutating func explains(_ topic: Int, _ now: Duration) -> Bool {
        let count = counts[topic] ?? 0
        guard count < asks else { return false }
        if count > 0 || counts.count < RetainedIntake.limit { counts[topic] = count + 1 }
        latest = max(latest, now)
        return true
    }

    /// When all will have come, if nothing more does; `nil` before the broker has answered.
    var ends: Duration? { answered >= asked ? latest + RetainedIntake.patience : nil }
}
