import Martlet

/// How long an answer is waited for: a time that counts anew as long as the question is still on its way. A pure value.
struct AnswerWait: Sendable {
    private let limit: Duration
    private let deadline: Duration?
    private var progress = QuestionProgress()
    /// Since when nothing of what is before the question has arrived.
    private var start: Duration

    /// - Parameters:
    ///   - limit: how long the peer may take.
    ///   - deadline: when the wait is over in any case.
    ///   - traffic: that of the link, with the question.
    ///   - now: by the connection's clock, as the deadline is.
    init(_ limit: Duration, until deadline: Duration?, _ traffic: LinkTraffic, now: Duration) {
        self.limit = limit.capped
        self.deadline = deadline
        start = now
        progress.asked(upTo: traffic.given)
        _ = progress.advances(to: traffic.arrived)
    }

    private var end: Duration { min(start + limit, deadline ?? .seconds(Int64.max)) }

    /// When to look next.
    func next(_ now: Duration) -> Duration { min(now + limit / 4, end) }

    /// - Parameter arrived: how many of the link's bytes have arrived by now.
    mutating func isOver(arrived: Int, _ now: Duration) -> Bool {
        if progress.advances(to: arrived) { start = now }
        return now >= end
    }
}
