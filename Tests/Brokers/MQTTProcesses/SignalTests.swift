import IntegrationSupport
import Martlet
import MartletMQTT
import ServiceLifecycle
import Testing
import UnixSignals

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension OwnProcessTests {
    /// How a program ends that a service manager, or a hand at the keyboard, wants to end.
    struct SignalTests {
        @Test func aNodeEndsInOrderWithCodeZeroAndIsOffline() async {
            await #expect(processExitsWith: .success) { try await endsInOrder(by: SIGTERM) }
            await #expect(processExitsWith: .success) { try await endsInOrder(by: SIGINT) }
        }

        @Test func aSecondSignalEndsItWhereItIs() async {
            await #expect(processExitsWith: .exitCode(128 + SIGTERM)) { try await hangs(until: [SIGTERM, SIGTERM]) }
            await #expect(processExitsWith: .exitCode(128 + SIGINT)) { try await hangs(until: [SIGTERM, SIGINT]) }
        }

        @Test func aSignalThatIsNotMeantEndsItAsEver() async {
            await #expect(processExitsWith: .signal(SIGTERM)) { try await hangs(until: [SIGTERM], catching: [.sigint]) }
        }

        @Test func aServiceThatFailsOrEndsIsNotWaitedForLonger() async {
            await #expect(processExitsWith: .success) {
                struct Fault: Error {}
                let node = Node("ends", on: try await MemoryBroker().connect(), options: NodeOptions(heartbeat: nil)) {
                    Execute(restart: .never) {}
                }
                try await node.runUntilSignal()
                let failing = Node("fails", on: node.connection, options: NodeOptions(heartbeat: nil)) {
                    Execute(restart: .never) { throw Fault() }
                }
                await #expect(throws: Fault.self) { try await failing.runUntilSignal() }
            }
        }
    }
}

/// Runs a node until a signal comes that it gives itself, and looks what it has left at the broker.
private func endsInOrder(by signal: CInt) async throws {
    try await MosquittoServer.withServer { server in
        var options = MQTTOptions.local(server.port)
        options.connection.will = Node.will(for: "lamp")
        try await MQTTConnection.withConnection(options) { connection in
            let jobs = TopicName("jobs")
            let node = Node("lamp", on: connection, options: NodeOptions(online: .standard)) {
                Subscribe(to: Topic<Int>(jobs)) { _ in
                    // Work in hand is finished.
                    kill(getpid(), signal)
                    try await gracefulShutdown()
                    try await connection.publish(
                        "done",
                        to: Topic("result"),
                        options: PublishOptions(guarantee: .atLeastOnce, retain: true)
                    )
                }
            }
            async let ended: Void = node.runUntilSignal()
            try await node.waitUntilReady()
            #expect(try await kept("lamp/online", at: server) == "1")
            try await connection.publish(1, to: Topic(jobs))
            try await ended
            #expect(try await kept("lamp/online", at: server) == "0")
            #expect(try await kept("result", at: server) == "\"done\"")
        }
    }
}

/// What the broker keeps on a topic.
private func kept(_ topic: String, at server: MosquittoServer) async throws -> String {
    let program = try Program.find("mosquitto_sub", package: "mosquitto-clients")
    let arguments = ["-h", "127.0.0.1", "-p", "\(server.port)", "-t", topic, "-C", "1", "-W", "60", "-F", "%p"]
    return try await Program.run(program, arguments).split(separator: "\n").first.map(String.init) ?? ""
}

/// Runs a node whose work never ends, whatever it is told, and sends this process signals.
private func hangs(until signals: [CInt], catching: [UnixSignal] = [.sigterm, .sigint]) async throws {
    let connection = try await MemoryBroker().connect()
    let node = Node("stubborn", on: connection, options: NodeOptions(heartbeat: nil)) {
        Execute(atShutdown: .finish) {
            for signal in signals {
                kill(getpid(), signal)
                // Two of one kind that come at once are one.
                try await gracefulShutdown()
            }
            await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
        }
    }
    try await node.runUntilSignal(catching)
}
