import IntegrationSupport
import Martlet
import MartletTransport
import Testing

@testable import MartletMQTT

/// Who prefers the connection's thread is never taken off it.
@Suite(.serialized, .timeLimit(.minutes(10))) struct LoopCallerTests {
    @Test func callsFromTheConnectionsThreadWakeNoOther() async throws {
        try await withEcho { broker, name in
            let loop = broker.session.loop
            try await withTaskExecutorPreference(broker.taskExecutor) {
                // The first one opens the reply address.
                _ = try await broker.call(name, Message("x"))
                let before = loop.statistics.wakeUps
                for _ in 0..<50 {
                    _ = try await broker.call(name, Message("x"))
                    #expect(loop.isCurrent)
                }
                #expect(loop.statistics.wakeUps == before)
            }
        }
    }

    /// Handlers run on the global pool, or on the connection's thread where that is preferred.
    @Test(arguments: [false, true])
    func handlersRunWhereTheyAreWanted(onLoop: Bool) async throws {
        let server = try await MosquittoServer.shared()
        let name = QueueName("where\(UInt64.random(in: 0...UInt64.max))")
        try await MQTTConnection.withConnection(.local(server.port)) { caller in
            try await MQTTConnection.withConnection(.local(server.port)) { responder in
                let node = Node("where", on: responder, options: NodeOptions(heartbeat: nil)) {
                    Respond(to: name) { _ in Message(responder.session.loop.isCurrent ? "loop" : "pool") }
                }
                let answer = try await withTaskExecutorPreference(onLoop ? responder.taskExecutor : nil) {
                    try await node.whileRunning { try await caller.call(name, Message("x")).text }
                }
                #expect(answer == (onLoop ? "loop" : "pool"))
            }
        }
    }

    private func withEcho(_ body: @escaping @Sendable (MQTTConnection, QueueName) async throws -> Void) async throws {
        let server = try await MosquittoServer.shared()
        let name = QueueName("echo\(UInt64.random(in: 0...UInt64.max))")
        try await MQTTConnection.withConnection(.local(server.port)) { responder in
            try await MQTTConnection.withConnection(.local(server.port)) { caller in
                let node = Node("echo", on: responder, options: NodeOptions(heartbeat: nil)) {
                    Respond(to: name) { $0 }
                }
                try await node.whileRunning { try await body(caller, name) }
            }
        }
    }
}
