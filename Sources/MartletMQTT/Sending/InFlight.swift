import DequeModule
import Martlet

/// The messages with a guarantee that the library has and the broker has not confirmed. A pure value.
///
/// The library looks through all it has at each step, and numbers packets without a look at the numbers in use. So it
/// is never given more than a window, and none while a number that is about to come again is still out.
struct InFlight<Message> {
    /// Numbers are from 1 to 65,535. Subscriptions use some as well.
    private static var safeDistance: Int { 60_000 }

    /// How many may be under way.
    var window: Int
    private var messages: [CInt: Message] = [:]
    /// Their numbers in the order in which they were sent, some of them confirmed already.
    private var order: Deque<CInt> = []
    private var lastNumber: CInt = 0
    /// Those of them that were sent over an earlier link.
    private var recovered: Set<CInt> = []

    init(window: Int) {
        self.window = window
    }

    var count: Int { messages.count }

    /// The numbers of those messages.
    var numbers: some Sequence<CInt> { messages.keys }

    /// Whether one more may be sent.
    mutating func hasRoom() -> Bool {
        guard messages.count < window else { return false }
        while let oldest = order.first, messages[oldest] == nil { order.removeFirst() }
        guard let oldest = order.first else { return true }
        let distance = (Int(lastNumber) - Int(oldest) + 65_535) % 65_535
        return distance < Self.safeDistance
    }

    /// A message was given to the library, which has numbered it.
    mutating func sent(_ number: CInt, _ message: Message) {
        lastNumber = number
        messages[number] = message
        order.append(number)
    }

    /// The messages that are not confirmed, in the order in which they were sent.
    var unconfirmed: some Sequence<(number: CInt, message: Message)> {
        order.lazy.compactMap { number in messages[number].map { (number, $0) } }
    }

    /// The link is lost: what is under way is sent again over the next one.
    mutating func linkIsLost() { recovered = Set(messages.keys) }

    /// Whether a message was under way already when the latest link began.
    func isRecovered(_ number: CInt) -> Bool { recovered.contains(number) }

    /// - Returns: the message that is confirmed; `nil` for a number that is not out.
    mutating func confirmed(_ number: CInt) -> Message? {
        recovered.remove(number)
        return messages.removeValue(forKey: number)
    }

    /// - Returns: what is not confirmed, in the order in which it was sent.
    mutating func removeAll() -> [Message] {
        defer {
            messages.removeAll()
            order.removeAll()
            recovered.removeAll()
        }
        return order.compactMap { messages[$0] }
    }
}
