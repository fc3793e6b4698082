import IntegrationSupport
import Martlet
import MartletTesting
import MartletTransport
import Testing

@testable import MartletMQTT

/// A peer that accepts and then reads nothing.
@Suite(.timeLimit(.minutes(10))) struct StalledPeerTests {
    /// Publishers wait instead of filling the memory, and each can be cancelled.
    @Test(arguments: Guarantee.allCases) func publishersWaitForAPeerThatReadsNothing(_ guarantee: Guarantee)
        async throws
    {
        let server = try await MosquittoServer.shared()
        try await TCPProxy.withProxy(to: server.port) { proxy in
            // The link is not given up meanwhile, however long all this takes.
            let options = MQTTOptions.local(proxy.port) {
                $0.keepAlive = .seconds(600)
                $0.maximumInFlight = 50
            }
            try await MQTTConnection.withConnection(options) { connection in
                proxy.set(.stall, .toServer)
                let body = [UInt8](repeating: 1, count: 1 << 20)
                let accepted = Shared(0)
                try await withThrowingTaskGroup(of: Bool.self) { group in
                    for _ in 0..<400 {
                        group.addTask {
                            do {
                                try await connection.publish(
                                    Message(body),
                                    to: "stalled",
                                    options: PublishOptions(guarantee: guarantee)
                                )
                                accepted.withLock { $0 += 1 }
                                return false
                            } catch is CancellationError {
                                return true
                            }
                        }
                    }
                    // All are at it; the bodies are one array, so that only copies of it take memory.
                    try await until { await connection.session.waitingToBeSent > 100 }
                    group.cancelAll()
                    var cancelled = 0
                    for try await wasCancelled in group where wasCancelled { cancelled += 1 }
                    #expect(cancelled > 200, "\(accepted.value) were accepted")
                    #expect(accepted.value < 200)
                }
                #expect(connection.state == .connected)
            }
        }
    }

    @Test func aLinkThatTakesNothingIsTakenForDead() async throws {
        let server = try await MosquittoServer.shared()
        try await TCPProxy.withProxy(to: server.port) { proxy in
            try await MQTTConnection.withConnection(.local(proxy.port) { $0.keepAlive = .seconds(5) }) { connection in
                proxy.set(.stall, .toServer)
                let publishing = Task {
                    let body = Message([UInt8](repeating: 1, count: 1 << 20))
                    while true { try await connection.publish(body, to: "stalled") }
                }
                try await until { connection.state == .disconnected }
                publishing.cancel()
                _ = await publishing.result
                proxy.set(.forward)
                try await proxy.cut()
                try await until { connection.state == .connected }
            }
        }
    }

    /// Closing does not wait for a peer that reads nothing.
    @Test(arguments: [ProxyMode.stall, .swallow]) func aConnectionToADeafPeerCloses(_ mode: ProxyMode) async throws {
        let server = try await MosquittoServer.shared()
        try await TCPProxy.withProxy(to: server.port) { proxy in
            let connection = try await MQTTConnection.connect(.local(proxy.port))
            proxy.set(mode)
            let body = [UInt8](repeating: 1, count: 8 << 20)
            let waiting = Task {
                try await connection.publish(
                    Message(body),
                    to: "deaf",
                    options: PublishOptions(guarantee: .atLeastOnce)
                )
            }
            try await until { await connection.session.waitingToBeSent == 0 }
            await connection.close()
            let code = await errorCode { try await waiting.value }
            #expect(code == .connectionClosed)
            // What still had to run has made a thread for itself, which ends as soon as it has.
            try await until { !connection.session.loop.isRunning }
        }
    }
}
