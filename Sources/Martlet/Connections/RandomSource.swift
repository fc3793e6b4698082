/// Where names, identifiers and jitter are drawn from: the system's generator, or one whose numbers follow from a seed.
package struct RandomSource: Sendable {
    /// What is drawn. Each has a sequence of numbers of its own, so that one more draw for the one changes no other.
    package enum Purpose: String, Sendable, Hashable {
        /// The name of something that was given none.
        case name
        /// The ID of a call or a message.
        case call
        /// The ID of a goal.
        case goal
        /// An address for replies.
        case address
        /// The jitter of a delay.
        case jitter
    }

    private let draw: (@Sendable (Purpose) -> UInt64)?

    /// The system's generator.
    package static let system = RandomSource(draw: nil)

    private init(draw: (@Sendable (Purpose) -> UInt64)?) {
        self.draw = draw
    }

    /// A source of one's own.
    ///
    /// - Parameter draw: gives the next number; called from any thread.
    package init(_ draw: @escaping @Sendable (Purpose) -> UInt64) {
        self.init(draw: .some(draw))
    }

    /// The next 64 random bits.
    package func next(for purpose: Purpose) -> UInt64 {
        guard let draw else { return RandomStock.next() }
        return draw(purpose)
    }

    /// 128 random bits as text that nobody can guess: two numbers of thirteen digits.
    package func text(for purpose: Purpose) -> String {
        let halves = (next(for: purpose), next(for: purpose))
        return String(unsafeUninitializedCapacity: 26) { text in
            for place in 0..<13 {
                text[place] = Self.digit(halves.0 >> (5 * place))
                text[13 + place] = Self.digit(halves.1 >> (5 * place))
            }
            return 26
        }
    }

    /// The digit of base 32 that the lowest five bits are.
    private static func digit(_ bits: UInt64) -> UInt8 {
        let value = UInt8(bits & 31)
        return value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    /// The delay of a back-off before an attempt, counted from 0; `nil` if no more attempts are to be made.
    package func delay(of backoff: Backoff, before attempt: Int) -> Duration? {
        var generator = Jitter(source: self)
        return backoff.delay(before: attempt, using: &generator)
    }

    private struct Jitter: RandomNumberGenerator {
        let source: RandomSource

        mutating func next() -> UInt64 { source.next(for: .jitter) }
    }
}
