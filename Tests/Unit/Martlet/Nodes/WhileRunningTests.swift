import Martlet
import MartletTesting
import Testing

@Suite(.timeLimit(.minutes(10))) struct WhileRunningTests {
    private let echo = RPC<Int, Int>("echo")

    @Test func theBodyFindsTheNodesComponentsAndReturns() async throws {
        let fixture = try await NodeFixture()
        let node = fixture.node { Respond(to: echo) { $0 } }
        let answer = try await node.whileRunning { try await fixture.peer.call(RPC<Int, Int>("echo"), 7) }
        #expect(answer == 7)
        #expect(node.state == .exited)
        #expect(fixture.openAtBroker.isEmpty)
    }

    @Test func whatTheBodyThrowsIsThrown() async throws {
        let fixture = try await NodeFixture()
        let node = fixture.node { Respond(to: echo) { $0 } }
        await #expect(throws: Fault()) { try await node.whileRunning { throw Fault() } }
        #expect(node.state == .exited)
    }

    @Test func aNodeThatFailsCancelsTheBody() async throws {
        let fixture = try await NodeFixture()
        let begun = Recorder<Void>()
        let cancelled = Recorder<Void>()
        let node = fixture.node {
            Execute(restart: .never) {
                try await begun.wait(for: 1)
                throw Fault()
            }
        }
        await #expect(throws: Fault()) {
            try await node.whileRunning {
                begun.signal()
                do {
                    try await Recorder<Void>().wait(for: 1)
                } catch is CancellationError {
                    cancelled.signal()
                    throw CancellationError()
                }
            }
        }
        #expect(cancelled.values.count == 1)
    }

    @Test func cancellingItCancelsTheBodyAndTheNode() async throws {
        let fixture = try await NodeFixture()
        let begun = Recorder<Void>()
        let node = fixture.node { Respond(to: echo) { $0 } }
        let task = Task {
            try await node.whileRunning {
                begun.signal()
                try await Recorder<Void>().wait(for: 1)
            }
        }
        try await begun.wait(for: 1)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(node.state == .exited)
        #expect(fixture.openAtBroker.isEmpty)
    }
}
