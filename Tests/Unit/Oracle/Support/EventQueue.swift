import HeapModule
import MartletTesting

/// What is to happen, by its time; of events of one time the seed decides which comes first.
struct EventQueue<Event> {
    private struct Entry: Comparable {
        let time: Duration
        let turn: UInt64
        let event: Event

        static func == (a: Entry, b: Entry) -> Bool { (a.time, a.turn) == (b.time, b.turn) }
        static func < (a: Entry, b: Entry) -> Bool { (a.time, a.turn) < (b.time, b.turn) }
    }

    private var entries = Heap<Entry>()
    private var random: SplitMix64

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
    }

    /// The time of the next event.
    var next: Duration? { entries.min?.time }

    mutating func add(_ event: Event, at time: Duration) {
        entries.insert(Entry(time: time, turn: random.next(), event: event))
    }

    mutating func pop() -> Event? { entries.popMin()?.event }
}

extension SplitMix64 {
    /// Whether something happens that does so in so many of a hundred cases.
    mutating func chance(_ percent: UInt64) -> Bool { next() % 100 < percent }

    /// A number below a bound.
    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(max(bound, 1))) }

    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }

    /// A time between none and a longest.
    mutating func time(upTo longest: Duration) -> Duration {
        let seconds = longest.components.seconds
        let nanoseconds = seconds * 1_000_000_000 + longest.components.attoseconds / 1_000_000_000
        return .nanoseconds(Int64(next() % UInt64(max(nanoseconds, 1))))
    }
}
