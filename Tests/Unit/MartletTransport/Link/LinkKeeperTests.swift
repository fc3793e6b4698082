import Martlet
import MartletTesting
import MartletTransport
import Testing

/// Time stands still but where a test moves it. One that sleeps is the connection's timers, which have a time limit of before;
/// the other is the keeper, between two attempts.
@Suite(.timeLimit(.minutes(10))) struct LinkKeeperTests {
    private func connected(_ session: ScriptedSession, _ body: () async throws -> Void) async throws {
        try await session.connect()
        try await body()
        await session.close()
    }

    @Test func eachServerIsTriedUntilOneAccepts() async throws {
        let session = try ScriptedSession([.fails, .fails, .accepts], servers: [1, 2, 3])
        try await connected(session) {
            #expect(session.events.values == ["try 1", "try 2", "try 3", "restore", "open"])
            #expect(session.runtime.states.state == .connected)
        }
    }

    @Test func anAddressThatSaysNothingIsGivenUpByTheConnectionsClock() async throws {
        let session = try ScriptedSession([.isSilent, .accepts], servers: [1, 2])
        let connecting = Task { try await session.connect() }
        try await session.events.wait(for: 1)
        try await session.clock.waitForSleepers(count: 1)
        session.clock.advance(by: .seconds(10))
        try await connecting.value
        #expect(session.events.values == ["try 1", "try 2", "restore", "open"])
        await session.close()
    }

    @Test func restoringHasATimeLimit() async throws {
        let session = try ScriptedSession([.accepts], restoring: [.hangs])
        let connecting = Task { try await session.connect() }
        try await session.events.wait(for: 2)
        try await session.clock.waitForSleepers(count: 1)
        session.clock.advance(by: .seconds(20))
        let error = await #expect(throws: MessagingError.self) { try await connecting.value }
        #expect(error?.code == .timeout)
        #expect(session.runtime.states.state == .closed)
    }

    @Test func aLostLinkIsTriedAgainAtGrowingIntervals() async throws {
        let session = try ScriptedSession([.accepts, .fails, .fails, .accepts])
        try await connected(session) {
            await session.lose("the cable is cut")
            for (count, delay) in [(5, 100), (6, 200), (7, 400)] {
                #expect(session.events.values.count < count)
                try await session.clock.waitForSleepers(count: 2)
                session.clock.advance(by: .milliseconds(delay))
                try await session.events.wait(for: count)
            }
            try await session.events.wait(for: 9)
            let again = ["lost: the cable is cut", "try 1", "try 1", "try 1", "restore", "open"]
            #expect(session.events.values == ["try 1", "restore", "open"] + again)
        }
    }

    @Test func withoutFurtherAttemptsTheConnectionEndsAndSaysWhy() async throws {
        let session = try ScriptedSession([.accepts, .fails, .fails], attempts: 2)
        try await session.connect()
        await session.lose("the cable is cut")
        for delay in [100, 200] {
            try await session.clock.waitForSleepers(count: 2)
            session.clock.advance(by: .milliseconds(delay))
        }
        try await session.events.wait { $0.last?.hasPrefix("end") == true }
        #expect(session.events.values.last?.contains("2 attempts") == true)
        #expect(session.events.values.last?.contains("nobody is there") == true)
        await session.close()
        #expect(session.runtime.states.state == .closed)
    }

    @Test func allThatCloseShareOneFarewellAfterWhatWasAcceptedIsWritten() async throws {
        let session = try ScriptedSession([.accepts], unwritten: 3)
        try await session.connect()
        let cancelled = Task { await session.close() }
        cancelled.cancel()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 { group.addTask { await session.close() } }
        }
        await cancelled.value
        let farewell = ["write", "write", "write", "goodbye", "end: the connection is closed; make a new one"]
        #expect(session.events.values == ["try 1", "restore", "open"] + farewell)
    }

    @Test func goodbyeIsSaidOnALinkThatIsBeingRestored() async throws {
        let session = try ScriptedSession([.accepts, .accepts], restoring: [.succeeds, .hangs], unwritten: 3)
        try await session.connect()
        await session.lose("the cable is cut")
        try await session.clock.waitForSleepers(count: 2)
        session.clock.advance(by: .milliseconds(100))
        try await session.events.wait(for: 6)
        await session.close()
        let rest = ["try 1", "restore", "goodbye", "end: the connection is closed; make a new one"]
        #expect(session.events.values == ["try 1", "restore", "open", "lost: the cable is cut"] + rest)
    }

    @Test func whatIsDroppedSaysGoodbyeByItself() async throws {
        let session = try ScriptedSession([.accepts], unwritten: 1)
        try await session.connect()
        session.abandon()
        try await session.events.wait { $0.last?.hasPrefix("end") == true }
        #expect(session.events.values.dropFirst(3).prefix(2) == ["write", "goodbye"])
    }
}
