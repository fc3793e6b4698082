import Testing

@testable import MartletTransport

/// When a reader lets bytes come together before it reads on.
@Suite(.timeLimit(.minutes(5)))
struct ReadPacingTests {
    private var pacing = ReadPacing()
    private var now = ContinuousClock.now

    /// So many reads, one after the other.
    private mutating func read(_ count: Int, times: Int = 1, every gap: Duration = .microseconds(10)) {
        for _ in 0..<times {
            now += gap
            pacing.read(count, at: now)
        }
    }

    @Test mutating func manySmallReadsInQuickSuccessionAreWaitedFor() {
        read(80, times: 32)
        #expect(!pacing.pauses)
        read(80)
        #expect(pacing.pauses)
        // For as long as that brings more at once.
        read(80 * 2, times: 1_000, every: .microseconds(80))
        #expect(pacing.pauses)
        read(80)
        #expect(!pacing.pauses)
        read(80, times: 32)
        #expect(pacing.pauses)
    }

    @Test mutating func whoeverWritesInBetweenIsNotKeptWaiting() {
        for _ in 0..<1_000 {
            read(80, times: 31)
            pacing.wrote()
            #expect(!pacing.pauses)
        }
        read(80, times: 32)
        #expect(pacing.pauses)
        pacing.wrote()
        #expect(!pacing.pauses)
    }

    @Test mutating func whatComesSlowlyIsReadAtOnce() {
        read(80, times: 1_000, every: .microseconds(31))
        #expect(!pacing.pauses)
        for _ in 0..<100 {
            read(80, times: 31)
            read(80, every: .milliseconds(1))
        }
        #expect(!pacing.pauses)
    }

    @Test mutating func whatComesTogetherAnywayIsReadAtOnce() {
        read(8_192, times: 1_000)
        #expect(!pacing.pauses)
        read(80, times: 32)
        #expect(pacing.pauses)
        read(8_192)
        #expect(!pacing.pauses)
    }
}
