import Martlet
import Testing

@testable import MartletService

@Suite("Takeovers of a connection")
struct TakeoversTests {
    /// Whether it is time to give up when the link is lost, each time.
    ///
    /// - Parameter losses: at which seconds it is lost, and how many attempts fail before there is another one.
    private func verdicts(_ losses: [(second: Int, attempts: Int)]) -> [Bool] {
        var takeovers = Takeovers()
        var failures = 2
        _ = takeovers.note(.connecting, failures: 0, at: .zero)
        _ = takeovers.note(.connected, failures: failures, at: .zero)
        return losses.map { second, attempts in
            let verdict = takeovers.note(.disconnected, failures: failures, at: .seconds(second))
            failures += 1 + attempts
            _ = takeovers.note(.connected, failures: failures, at: .seconds(second))
            return verdict
        }
    }

    @Test func `are too many when the third comes within a minute`() {
        #expect(verdicts([(10, 0), (20, 0), (69, 0)]) == [false, false, true])
        #expect(verdicts([(10, 0), (20, 0), (71, 0), (75, 0)]) == [false, false, false, true])
    }

    @Test func `are borne for two seconds`() {
        #expect(verdicts([(10, 0), (10, 0), (11, 0), (11, 0), (12, 0)]) == [false, false, false, false, true])
    }

    @Test func `are none when the broker was away`() {
        #expect(
            verdicts([(10, 1), (20, 3), (30, 0), (40, 1), (50, 0), (55, 0)]) == [
                false, false, false, false, false, true,
            ]
        )
    }
}
