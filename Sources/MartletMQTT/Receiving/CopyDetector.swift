import Martlet

/// Tells the copies of one message from the next message. A pure value, for one link.
///
/// A message that several subscriptions of a connection match comes once, or once for each of them, as the broker likes (MQTT
/// 3.1.1, 3.3.5). Where the broker does not say by which it came, its habit has to be found out: copies come one right after
/// the other, with nothing between them, and before the answer to what is asked when the first one has come. A broker that is
/// known to send one message only is never taken to send copies, so that what is published twice arrives twice.
struct CopyDetector {
    private enum Habit {
        case unknown, one, each
    }

    private struct Expected {
        let number: Int
        let topic: String
        let body: [UInt8]
        var missing: Int
        let isCertain: Bool
    }

    /// How often copies have to be all there when the broker answers until that is taken for its habit: the same may have been
    /// published again.
    private static let proofs = 16

    private var habit = Habit.unknown
    private var confirmations = 0
    private var expected: Expected?
    private var lastNumber = 0
    private var asked = 0

    /// A message has come.
    ///
    /// - Parameters:
    ///   - count: how many subscriptions at the broker match it.
    ///   - isCertain: whether the broker knows of just these, and would send all copies the same way.
    /// - Returns: whether it is a copy of the one before.
    mutating func isCopy(_ topic: String, _ body: [UInt8], of count: Int, isCertain: Bool) -> Bool {
        guard habit != .one, count > 1 || expected != nil else { return false }
        if let before = expected, before.missing > 0 {
            if before.body == body, before.topic.hasSameBytes(as: topic) {
                expected?.missing -= 1
                return true
            }
            if before.isCertain, isCertain {
                habit = .one
                expected = nil
                return false
            }
        }
        lastNumber += 1
        expected =
            count > 1
            ? Expected(number: lastNumber, topic: topic, body: body, missing: count - 1, isCertain: isCertain) : nil
        return false
    }

    /// Whether the broker is to be asked for something, so that its answer tells that all copies have come.
    ///
    /// - Returns: the number to tell with the answer.
    mutating func takeQuestion() -> Int? {
        guard habit == .unknown, let expected, expected.isCertain, asked != expected.number else { return nil }
        asked = expected.number
        return asked
    }

    /// The answer has come.
    mutating func answered(_ number: Int) {
        guard habit == .unknown, let expected, expected.number == number else { return }
        guard expected.missing == 0 else { return interrupted() }
        confirmations += 1
        if confirmations >= Self.proofs { habit = .each }
    }

    /// Something else has come of the broker.
    mutating func interrupted() {
        guard habit == .unknown, let expected, expected.missing > 0, expected.isCertain else { return }
        habit = .one
        self.expected = nil
    }

    /// What the broker knows of has changed: what is expected proves nothing any more.
    mutating func changed() {
        guard let before = expected else { return }
        expected = Expected(
            number: before.number,
            topic: before.topic,
            body: before.body,
            missing: before.missing,
            isCertain: false
        )
    }
}
