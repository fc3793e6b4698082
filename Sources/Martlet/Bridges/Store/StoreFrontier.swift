/// Up to where everything is done with, of numbers that are done with in any order. A pure value.
struct StoreFrontier: Sendable {
    /// The first number that is not done with.
    private(set) var next: UInt64
    private var done: Set<UInt64> = []

    init(next: UInt64) {
        self.next = next
    }

    mutating func finish(_ number: UInt64) {
        guard number >= next else { return }
        done.insert(number)
        while done.remove(next) != nil { next += 1 }
    }

    /// Everything before a number is done with.
    mutating func skip(to number: UInt64) {
        guard number > next else { return }
        next = number
        done = done.filter { $0 >= number }
        while done.remove(next) != nil { next += 1 }
    }
}
