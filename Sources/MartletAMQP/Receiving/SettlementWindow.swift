import DequeModule
import Martlet

/// The deliveries of one consumer's channel, by the numbers that the broker counts, so that acknowledgements of several of
/// them are told at once: the broker does much the same work for one as for each. A pure value.
///
/// What is not settled in order is told one by one, as soon as the rest: nothing waits for what a slow reader holds.
struct SettlementWindow {
    private enum Place {
        /// A reader has it.
        case held
        /// Acknowledged, and not yet told.
        case acknowledged
        /// The broker knows what became of it.
        case told
    }

    /// How many places are kept beyond those that are held: one delivery that is held for long makes them ever more.
    private static var spareLimit: Int { 1_024 }

    /// From the number ``first`` on. The first place is never told.
    private var places: Deque<Place> = []
    private var first: UInt64 = 1
    /// How many of the places are held.
    private var held = 0
    /// Acknowledged, and not yet told.
    private var acknowledged: [UInt64] = []
    /// Whether deliveries are not kept here, but are told one by one until none of them is open.
    private var isLost = false
    /// How many deliveries are open that are not kept here.
    private var strays = 0

    /// How many places there are.
    var count: Int { places.count }

    /// Throws if the broker has delivered far more than it may: then nothing bounds what it costs.
    ///
    /// - Parameter count: how many deliveries are open.
    static func check(open count: Int, prefetch: Int) throws {
        guard count > 2 * prefetch else { return }
        throw MessagingError(
            .connectionLost,
            "the broker does not keep to the prefetch: \(prefetch) deliveries may be open, and there are \(count)"
        )
    }

    /// Something was delivered.
    mutating func delivered(_ number: UInt64) {
        if isLost, held == 0, strays == 0 { isLost = false }
        if !isLost, places.isEmpty { first = number }
        // A broker that counts otherwise is told one by one.
        guard !isLost, number >= first, number - first == UInt64(places.count),
            places.count < held + Self.spareLimit
        else {
            isLost = true
            strays += 1
            return
        }
        places.append(.held)
        held += 1
    }

    /// A delivery was acknowledged; to be told by ``takeAcknowledgements()``.
    mutating func acknowledge(_ number: UInt64) {
        settle(number, as: .acknowledged)
        acknowledged.append(number)
    }

    /// A delivery was settled otherwise, and the broker told so.
    mutating func told(_ number: UInt64) {
        settle(number, as: .told)
        dropTold()
    }

    private mutating func settle(_ number: UInt64, as place: Place) {
        if let index = index(of: number), places[index] == .held {
            places[index] = place
            held -= 1
        } else {
            strays = max(0, strays - 1)
        }
    }

    /// What the broker is to be told of what was acknowledged.
    mutating func takeAcknowledgements() -> [ClientMethod] {
        var methods: [ClientMethod] = []
        let start = first
        var last: UInt64?
        var merged = 0
        while let place = places.first, place != .held {
            if place == .acknowledged {
                last = first
                merged += 1
            }
            places.removeFirst()
            first &+= 1
        }
        if let last { methods.append(.ack(tag: last, multiple: merged > 1)) }
        if merged < acknowledged.count {
            for number in acknowledged where !(start..<first).contains(number) {
                if let index = index(of: number) { places[index] = .told }
                methods.append(.ack(tag: number, multiple: false))
            }
        }
        acknowledged.removeAll(keepingCapacity: true)
        return methods
    }

    private mutating func dropTold() {
        while places.first == .told {
            places.removeFirst()
            first &+= 1
        }
    }

    private func index(of number: UInt64) -> Int? {
        guard number >= first, number - first < UInt64(places.count) else { return nil }
        return Int(number - first)
    }
}
