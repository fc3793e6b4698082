import IntegrationSupport
import Martlet
import MartletMQTT
import MartletRelay
import MartletTesting
import Testing

/// Lines on their way to a real Carbon, which is killed, stopped and started again meanwhile.
@Suite(.serialized, .timeLimit(.minutes(10))) struct CarbonTests {
    private let soon = SinkOptions(
        interval: .milliseconds(5),
        retry: Backoff(initial: .milliseconds(10), maximum: .milliseconds(200))
    )

    private func sink(_ server: CarbonServer, _ options: CarbonOptions = CarbonOptions()) -> SinkConnection<CarbonSink>
    {
        SinkConnection(CarbonSink(host: "127.0.0.1", port: server.port, options: options), options: soon)
    }

    private func line(_ number: Int) -> String { "relay.line \(number) \(1_700_000_000 + number)" }

    @Test func linesArriveAndTheirNeighboursToo() async throws {
        try await CarbonServer.withServer { server in
            let carbon = sink(server, CarbonOptions(prefix: "home"))
            let options = PublishOptions(guarantee: .atLeastOnce)
            let bodies = ["a 1 1700000000\nb 2 1700000001\n", "c x 1\nd 4 1700000003", "e nan 1"]
            var confirmations: [Martlet.Confirmation] = []
            for body in bodies {
                confirmations.append(try await carbon.beginPublishing(Message(body), to: "m", options: options))
            }
            let bytes = Message([0xFF, 0x20, 0x31, 0x20, 0x31])
            confirmations.append(try await carbon.beginPublishing(bytes, to: "m", options: options))
            confirmations.append(try await carbon.beginPublishing(Message("f 6 1700000005"), to: "m", options: options))
            try await confirmations[0].wait()
            await #expect { try await confirmations[1].wait() } throws: { error in
                let part = (error as? MessagingError)?.cause as? UndeliveredPart
                return part?.body == Array("c x 1\n".utf8) && "\(error)".contains("1 of 2 lines")
            }
            #expect(await errorCode { try await confirmations[2].wait() } == .refused)
            #expect(await errorCode { try await confirmations[3].wait() } == .refused)
            try await confirmations[4].wait()
            await carbon.close()
            let expected = ["a 1 1700000000", "b 2 1700000001", "d 4 1700000003", "f 6 1700000005"]
            #expect(server.received == expected.map { "home." + $0 })
        }
    }

    /// Before it stops, the system of a stopped Carbon acknowledges what is sent to it. It is not delivered for all that.
    @Test func whatAKilledCarbonHadNotReadComesAgain() async throws {
        try await CarbonServer.withServer { server in
            let carbon = sink(server)
            let options = PublishOptions(guarantee: .atLeastOnce)
            server.pause()
            var confirmations: [Martlet.Confirmation] = []
            for number in 0..<300 {
                let message = Message(line(number))
                confirmations.append(try await carbon.beginPublishing(message, to: "m", options: options))
            }
            try await server.restart()
            for confirmation in confirmations { try await confirmation.wait() }
            await carbon.close()
            #expect(Set(server.received).isSuperset(of: (0..<300).map(line)))
        }
    }

    @Test func aCarbonThatWasStoppedGoesOn() async throws {
        try await CarbonServer.withServer { server in
            let carbon = sink(server)
            server.pause()
            let options = PublishOptions(guarantee: .atLeastOnce)
            let confirmation = try await carbon.beginPublishing(Message(line(1)), to: "m", options: options)
            server.resume()
            try await confirmation.wait()
            await carbon.close()
            #expect(server.received == [line(1)])
        }
    }

    @Test func theConnectionMayStayOpen() async throws {
        try await CarbonServer.withServer { server in
            let carbon = sink(server, CarbonOptions(confirm: .written))
            #expect(!carbon.capabilities.contains(.confirmedPublish))
            for number in 0..<100 { try await carbon.publish(Message(line(number)), to: "m") }
            await carbon.close()
            try await until { server.received.count == 100 }
            #expect(server.received == (0..<100).map(line))
        }
    }

    /// A bridge from MQTT: each line arrives at least once, and those of one series in order, though Carbon dies every
    /// moment.
    @Test func noLineOfABrokerIsLost() async throws {
        let count = 3_000
        let broker = try await MosquittoServer.shared()
        try await CarbonServer.withServer { server in
            let at = [MQTTOptions.Server(host: "127.0.0.1", port: broker.port)]
            let name = ConnectionOptions(name: "carbon-relay")
            // What the broker keeps for its name is promised; a clean session's is not.
            let source = try await MQTTConnection.connect(
                MQTTOptions(servers: at, connection: name, session: .persistent())
            )
            let publisher = try await MQTTConnection.connect(MQTTOptions(servers: at))
            let carbon = sink(server)
            let route = RouteOptions(guarantee: .atLeastOnce, retain: .none)
            let bridge = Bridge(from: source, to: carbon, name: "metrics") { Forward("carbon.lines", options: route) }
            #expect(try bridge.plan().first?.guarantee?.guarantee == .atLeastOnce)
            try await bridge.whileRunning {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        let options = PublishOptions(guarantee: .atLeastOnce)
                        for number in 0..<count {
                            try await publisher.publish(Message(line(number)), to: "carbon.lines", options: options)
                        }
                    }
                    group.addTask {
                        for _ in 0..<3 { try await server.restart() }
                    }
                    try await group.waitForAll()
                }
                try await until { bridge.reports.first?.statistics.forwarded == count }
            }
            let received = server.received
            #expect(Set(received).isSuperset(of: (0..<count).map(line)))
            // The first time of each is after the first time of those before it.
            var seen: Set<String> = []
            #expect(received.filter { seen.insert($0).inserted } == (0..<count).map(line))
            for connection in [source, publisher] as [any Connection] { await connection.close() }
            await carbon.close()
        }
    }
}
