/// The mailboxes of a broker's subscriptions and consumers, each under a number that is not used again.
///
/// A number is a place in an array and the count of mailboxes that had this place before: to find a mailbox takes no
/// hashing, and what was meant for one that has gone finds none.
struct MailboxTable: Sendable {
    private struct Slot: Sendable {
        var turn: Int
        var mailbox: Mailbox<Delivery>?
    }

    private static var placeBits: Int { 32 }
    private var slots: [Slot] = []
    private var free: [Int] = []

    subscript(number: Int) -> Mailbox<Delivery>? {
        let slot = slots[number & (1 << Self.placeBits - 1)]
        return slot.turn == number >> Self.placeBits ? slot.mailbox : nil
    }

    /// Adds a mailbox.
    ///
    /// - Returns: its number.
    mutating func insert(_ mailbox: Mailbox<Delivery>) -> Int {
        guard let place = free.popLast() else {
            slots.append(Slot(turn: 0, mailbox: mailbox))
            return slots.count - 1
        }
        slots[place].mailbox = mailbox
        return slots[place].turn << Self.placeBits | place
    }

    /// Removes a mailbox. The caller lets go of it where no lock is held: what is in it may act when it goes.
    mutating func remove(_ number: Int) -> Mailbox<Delivery>? {
        guard let mailbox = self[number] else { return nil }
        let place = number & (1 << Self.placeBits - 1)
        slots[place].mailbox = nil
        slots[place].turn += 1
        free.append(place)
        return mailbox
    }
}
