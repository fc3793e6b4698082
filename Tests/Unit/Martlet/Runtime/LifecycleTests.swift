import Testing

@testable import Martlet

@Suite(.timeLimit(.minutes(10))) struct LifecycleTests {
    private typealias Step = @Sendable (inout Lifecycle) throws -> Void

    /// Every transition, from every state.
    @Test func onlyTheseTransitionsExist() {
        let paths: [(NodeState, [Step])] = [
            (.idle, []),
            (.running, [{ try $0.begin(at: 1) }]),
            (.stopping, [{ try $0.begin(at: 1) }, { try $0.stop(at: 2) }]),
            (.stopped, [{ try $0.begin(at: 1) }, { try $0.stop(at: 2) }, { $0.stopped(at: 3) }]),
            (.exited, [{ $0.exit(at: 1) }]),
        ]
        let steps: [(String, Step, [NodeState: NodeState])] = [
            ("begin", { try $0.begin(at: 9) }, [.idle: .running]),
            ("stop", { try $0.stop(at: 9) }, [.running: .stopping]),
            ("stopped", { $0.stopped(at: 9) }, [.stopping: .stopped]),
            ("start", { try $0.start(at: 9) }, [.stopped: .running]),
        ]
        for (state, path) in paths {
            for (name, step, transitions) in steps {
                var lifecycle = Lifecycle(at: 0)
                for step in path { try? step(&lifecycle) }
                #expect(lifecycle.state == state)
                let before = lifecycle.since
                try? step(&lifecycle)
                #expect(lifecycle.state == transitions[state] ?? state, "\(name) from \(state)")
                #expect(lifecycle.since == (transitions[state] == nil ? before : 9))
            }
        }
    }
}
