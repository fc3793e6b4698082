import IntegrationSupport
import Martlet
import MartletMQTTWire
import MartletServer
import Testing

/// Clients that are back before the broker has heard all that they said before they went.
@Suite(.timeLimit(.minutes(5))) struct ReturningTests {
    /// What a client has sent last counts, and that it said it goes, too, though its next connection may be heard first.
    @Test(arguments: ProtocolVersion.allCases) func whatAClientSaidLastIsHeard(
        _ version: ProtocolVersion
    ) async throws {
        let will = WillMessage(topic: "said/will", payload: [], qos: .atLeastOnce, retain: false)
        try await withServer { _, port in
            let watcher = try await WireClient.connected(port, "watcher", version)
            try await watcher.subscribe(.init("said/#"))
            let rounds = 100
            for round in 0..<rounds {
                let client = try await WireClient.connected(port, "client", version, will: will)
                // More than is read in one go.
                try await client.publish(String(repeating: "x", count: 100_000), to: "unheard")
                try await client.publish("\(round)", to: "said/last")
                try await client.send(.disconnect(Disconnect()))
                client.socket.end()
            }
            var texts: [String] = []
            while texts.last != "\(rounds - 1)" {
                let message = try await watcher.message()
                texts.append(message.topic == "said/will" ? "will" : String(decoding: message.payload, as: UTF8.self))
            }
            #expect(texts == (0..<rounds).map { "\($0)" })
        }
    }

    /// A client whose earlier connection still sends does not keep its next one waiting.
    @Test func whoGoesOnTalkingIsTakenOver() async throws {
        let broker = MemoryBroker()
        try await withServer(broker) { _, port in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    let first = try await WireClient.connected(port, "client")
                    // Until the broker ends it.
                    while true { try await first.publish(String(repeating: "x", count: 1_000), to: "unheard") }
                }
                while broker.statistics.published < 100 { await Task.yield() }
                let second = try await WireClient.connected(port, "client")
                try await second.send(.pingreq)
                #expect(try await second.receive() == .pingresp)
                await #expect(throws: (any Error).self) { try await group.next() }
            }
        }
    }
}
