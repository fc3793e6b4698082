import DequeModule

/// The messages with a guarantee that have been sent and that the broker has not confirmed, by their packet identifiers. A pure
/// value.
///
/// libmosquitto numbers its subscriptions upwards, one after the other, without a look at what is in use. So the numbers here keep
/// far away from its latest one.
struct InFlight<Message> {
    /// Numbers are from 1 to 65,535.
    private static var numbers: Int { 65_535 }
    /// How many numbers on either side of the library's latest one are left to it.
    private static var distance: Int { 16_384 }

    private struct Entry {
        let message: Message
        /// Which one it is of all that were sent.
        let serial: UInt64
        /// What the broker said when it had received it, which is half of the way with QoS 2.
        var receipt: UInt8?
    }

    /// How many may be under way.
    private(set) var window: Int
    private var entries: [UInt16: Entry] = [:]
    /// In the order in which they were sent, with some that are confirmed already.
    private var order: Deque<(number: UInt16, serial: UInt64)> = []
    private var lastSerial: UInt64 = 0
    private var lastNumber: UInt16 = 1
    /// Those of them that were sent over an earlier link.
    private var recovered: Set<UInt16> = []

    /// - Parameter window: see ``limit(to:)``.
    init(window: Int) {
        self.window = 0
        limit(to: window)
    }

    /// Has no more than so many be under way from now on; more than 16,384 never are.
    mutating func limit(to window: Int) { self.window = min(window, Self.distance) }

    var count: Int { entries.count }

    /// Whether one more may be sent.
    var hasRoom: Bool { entries.count < window }

    /// A number for a message.
    ///
    /// - Parameter latest: the number that the library gave last; 0 before the first.
    mutating func freeNumber(awayFrom latest: UInt16) -> UInt16 {
        repeat {
            lastNumber = Self.number(Int(lastNumber) - 1)
            let ahead = (Int(lastNumber) - Int(latest) + Self.numbers) % Self.numbers
            if ahead <= Self.distance || ahead >= Self.numbers - Self.distance {
                lastNumber = Self.number(Int(latest) - Self.distance - 1)
            }
        } while entries[lastNumber] != nil
        return lastNumber
    }

    private static func number(_ number: Int) -> UInt16 { UInt16((number - 1 + 2 * numbers) % numbers + 1) }

    /// A message was sent under a number.
    mutating func sent(_ number: UInt16, _ message: Message) {
        lastSerial += 1
        entries[number] = Entry(message: message, serial: lastSerial)
        order.append((number, lastSerial))
        while let first = order.first, !isOut(first) { order.removeFirst() }
        // The first one may be confirmed late.
        if order.count > 2 * entries.count + 64 { order = Deque(order.filter(isOut)) }
    }

    private func isOut(_ place: (number: UInt16, serial: UInt64)) -> Bool {
        entries[place.number]?.serial == place.serial
    }

    /// A message that is not confirmed.
    subscript(number: UInt16) -> Message? { entries[number]?.message }

    /// The broker has received a message and not finished with it.
    ///
    /// - Parameter reason: what it said of it.
    mutating func received(_ number: UInt16, reason: UInt8 = 0) { entries[number]?.receipt = reason }

    /// What the broker said of a message when it had received it; `nil` if it has not.
    func receipt(of number: UInt16) -> UInt8? { entries[number]?.receipt }

    func hasReceived(_ number: UInt16) -> Bool { receipt(of: number) != nil }

    /// The messages that are not confirmed, in the order in which they were sent.
    var unconfirmed: some Sequence<(number: UInt16, message: Message)> {
        order.lazy.compactMap { place in
            entries[place.number].flatMap { $0.serial == place.serial ? (place.number, $0.message) : nil }
        }
    }

    /// The link is lost: what is under way is sent again over the next one.
    mutating func linkIsLost() { recovered = Set(entries.keys) }

    /// Whether a message was under way already when the latest link began.
    func isRecovered(_ number: UInt16) -> Bool { recovered.contains(number) }

    /// - Returns: the message that is confirmed; `nil` for a number that is not out.
    @discardableResult mutating func confirmed(_ number: UInt16) -> Message? {
        recovered.remove(number)
        return entries.removeValue(forKey: number)?.message
    }

    /// - Returns: what is not confirmed, in the order in which it was sent.
    mutating func removeAll() -> [Message] {
        defer {
            entries.removeAll()
            order.removeAll()
            recovered.removeAll()
        }
        return unconfirmed.map(\.message)
    }
}
