import IntegrationSupport
import Martlet
import MartletMQTT
import Testing

/// What becomes of a queue's messages that its only consumer, on a kept session, gives back.
@Suite(.timeLimit(.minutes(10))) struct KeptQueueTests {
    private static let count = 5

    private func options(_ port: Int, _ version: MQTTVersion, _ name: String) -> MQTTOptions {
        .local(port, version, name: "\(name)-\(version.rawValue)") { $0.session = .persistent(expiry: .seconds(600)) }
    }

    private func send(_ texts: [String], to queue: QueueName, _ port: Int) async throws {
        try await MQTTConnection.withConnection(.local(port)) { sender in
            for text in texts { try await sender.send(Message(text), to: queue) }
        }
    }

    /// There is nobody else: it comes again, and says how often.
    @Test(arguments: MQTTVersion.allCases)
    func whatIsGivenBackComesToTheSameConsumerAgain(_ version: MQTTVersion) async throws {
        let server = try await MosquittoServer.shared()
        let queue = QueueName("kept.back.\(version.rawValue.first ?? "x")")
        try await MQTTConnection.withConnection(options(server.port, version, "back")) { connection in
            let jobs = try await connection.consume(from: queue)
            try await send(["job"], to: queue, server.port)
            for round in 0..<4 {
                let delivery = try #require(try await jobs.next())
                #expect(delivery.message.text == "job")
                #expect(delivery.redeliveries == round)
                if round < 3 { try delivery.nack(requeue: true) } else { try delivery.ack() }
            }
            try await send(["end"], to: queue, server.port)
            let last = try #require(try await jobs.next())
            #expect(last.message.text == "end", "what was acknowledged does not come again")
            try last.ack()
            #expect(connection.statistics.undelivered == 0)
        }
    }

    /// The broker sends it to the one who has just given it back, which must not take it any more.
    @Test(arguments: MQTTVersion.allCases)
    func whatALeavingConsumerGivesBackComesToTheNext(_ version: MQTTVersion) async throws {
        let server = try await MosquittoServer.shared()
        let queue = QueueName("kept.leaving.\(version.rawValue.first ?? "x")")
        let options = options(server.port, version, "leaving")
        let texts = Set((0..<Self.count).map(String.init))
        try await MQTTConnection.withConnection(options) { connection in
            var jobs: Subscription? = try await connection.consume(from: queue)
            try await send(texts.sorted(), to: queue, server.port)
            try await until { jobs?.waiting == Self.count }
            jobs = nil
            await connection.close()
            #expect(connection.statistics.undelivered == 0)
        }
        try await MQTTConnection.withConnection(options) { connection in
            let jobs = try await connection.consume(from: queue)
            var missing = texts
            while !missing.isEmpty {
                let delivery = try #require(try await jobs.next())
                missing.remove(delivery.message.text ?? "?")
                #expect(delivery.redeliveries > 0)
                try delivery.ack()
            }
        }
    }

    /// Each would otherwise wait for the broker's answer to the one before it, and what is said at the end has a second.
    @Test func whatIsGivenBackAtTheEndWaitsForNoAnswer() async throws {
        let given = Promise<Int>()
        try await FakeBroker.withBroker { peer, _ in
            try await peer.acceptClient(.v5)
            try await peer.grant(try await peer.receive(kind: 8), .v5, 1)
            for number in 1...10 as ClosedRange<UInt16> {
                try await peer.send(.publish("job", to: "jobs", quality: 1, number: number))
            }
            var count = 0
            var kind: UInt8 = 0
            // To the goodbye.
            while kind != 14 {
                kind = try await peer.receive().kind
                if kind == 3 { count += 1 }
            }
            given.end(.success(count))
        } _: { broker in
            try await MQTTConnection.withConnection(.local(broker.port)) { connection in
                var jobs: Subscription? = try await connection.consume(from: "jobs")
                try await until { jobs?.waiting == 10 }
                jobs = nil
            }
            #expect(try await given.value() == 10)
        }
    }

    /// A program whose consumer goes and comes loses nothing, and has not to wait for another link.
    @Test(arguments: MQTTVersion.allCases)
    func whatALeavingConsumerGivesBackComesToTheNextOfTheSameLink(_ version: MQTTVersion) async throws {
        let server = try await MosquittoServer.shared()
        let queue = QueueName("kept.coming.\(version.rawValue.first ?? "x")")
        let texts = Set((0..<Self.count).map(String.init))
        try await MQTTConnection.withConnection(options(server.port, version, "coming")) { connection in
            var jobs: Subscription? = try await connection.consume(from: queue)
            try await send(texts.sorted(), to: queue, server.port)
            try await until { jobs?.waiting == Self.count }
            jobs = nil
            let later = try await connection.consume(from: queue)
            var missing = texts
            while !missing.isEmpty {
                let delivery = try #require(try await later.next())
                missing.remove(delivery.message.text ?? "?")
                try delivery.ack()
            }
            #expect(connection.statistics.linkFailures == 0)
        }
    }
}
