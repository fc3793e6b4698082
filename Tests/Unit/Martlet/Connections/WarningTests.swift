import MartletTesting
import Testing

@testable import Martlet

/// What is logged of what was skipped.
@Suite(.timeLimit(.minutes(10))) struct WarningTests {
    private let clock = TestClock()
    private let log = LogRecorder()

    private func runtime() -> ConnectionRuntime {
        ConnectionRuntime(options: ConnectionOptions(logger: log.logger, clock: clock))
    }

    private func skip(_ type: String, on runtime: ConnectionRuntime) {
        #expect(throws: MessagingError.self) {
            let _: Int = try runtime.decode(Message("1", headers: ["content-type": .string(type)]), from: "t")
        }
    }

    @Test func eachContentTypeThatNothingReadsIsLoggedByItself() {
        let runtime = runtime()
        for _ in 0..<3 { for type in ["application/cbor", "image/png"] { skip(type, on: runtime) } }
        // Parameters make no other type of it.
        skip("image/png; version=2", on: runtime)
        #expect(log.lines.count == 2)
        #expect(log.lines.contains { $0.contains("application/cbor") })
        #expect(log.lines.contains { $0.contains("image/png") })
        clock.advance(by: .seconds(60))
        skip("image/png", on: runtime)
        #expect(log.lines.count == 3)
        #expect(runtime.statistics.undecodable == 8)
    }

    /// Peers choose what the types are called: they do not fill the memory or the log, nor keep others out of it.
    @Test func noMoreThan256SubjectsAreToldApart() {
        let runtime = runtime()
        for number in 0..<1_000 { skip("application/x-\(number)", on: runtime) }
        #expect(log.lines.count == 256)
        #expect(runtime.statistics.undecodable == 1_000)
        // What has no subject is logged all the same.
        runtime.count(\.refused, "somebody was refused")
        #expect(log.lines.count == 257)
        clock.advance(by: .seconds(60))
        skip("application/x-0", on: runtime)
        skip("application/x-999", on: runtime)
        #expect(log.lines.count == 258, "the one that is known is told again")
    }
}
