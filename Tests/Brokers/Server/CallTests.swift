import IntegrationSupport
import Martlet
import MartletMQTTWire
import MartletServer
import Testing

/// Calls between connections of this process and clients of MQTT, packet by packet.
@Suite(.timeLimit(.minutes(5))) struct CallTests {
    private struct Pair: Codable, Sendable, Hashable {
        var a: Int
        var b: Int
    }

    private static let add = RPC<Pair, Int>("math.add")

    /// Request and answer as MQTT 5 has them (4.10).
    @Test func aResponderHereAnswersAClient() async throws {
        let broker = MemoryBroker()
        let local = try await broker.connect(name: "local")
        try await withServer(broker) { _, port in
            try await withResponder(on: local, Self.add) { pair in
                guard pair.a < 100 else { throw MessagingError("too-large", "no") }
                return pair.a + pair.b
            } _: {
                let client = try await WireClient.connected(port, "client")
                try await client.subscribe(.init("answers/+"))
                var properties = PropertyList()
                properties.add(.responseTopic, "answers/1")
                properties.add(.correlationData, [0, 0xFF, 7])
                try await client.publish(#"{"a":1,"b":2}"#, to: "math/add", properties: properties)
                let answer = try await client.message()
                #expect(answer.topic == "answers/1")
                #expect(answer.payload == Array("3".utf8))
                #expect(answer.properties.data(.correlationData) == [0, 0xFF, 7])
                #expect(answer.properties.text(.contentType) == "application/json")
                #expect(answer.properties.pairs.isEmpty)
                try await client.publish(#"{"a":100,"b":2}"#, to: "math/add", properties: properties)
                let error = try await client.message()
                #expect(error.payload == [])
                #expect(error.properties.pairs.map(\.value) == ["too-large", "no"])
            }
        }
    }

    /// As programs that speak 3.1.1 do, by an envelope.
    @Test func aResponderHereAnswersAnEnvelope() async throws {
        let broker = MemoryBroker()
        let local = try await broker.connect(name: "local")
        try await withServer(broker) { _, port in
            try await withResponder(on: local, Self.add) {
                $0.a + $0.b
            } _: {
                let client = try await WireClient.connected(port, "client", .v311)
                // Written with dots it is heard with slashes.
                for (address, topic) in [("rpc-1a2b", "rpc-1a2b"), ("my/answers", "my/answers"), ("a.b", "a/b")] {
                    try await client.subscribe(.init(topic))
                    let header = #"{"reply_to":"\#(address)","timestamp":1,"properties":{}}"#
                    try await client.publish(#"{"header":\#(header),"data":{"a":1,"b":2}}"#, to: "math/add")
                    let text = try await client.text()
                    #expect(text.hasPrefix(#"{"header":{"#) && text.hasSuffix(#""data":3}"#), "\(text)")
                }
            }
        }
    }

    @Test(arguments: [ProtocolVersion.v5, .v311], ["$share/martlet/math/add", "math/add"])
    func aClientAnswersACallFromHere(_ version: ProtocolVersion, _ filter: String) async throws {
        let broker = MemoryBroker()
        let local = try await broker.connect(name: "local")
        try await withServer(broker) { _, port in
            let error = await #expect(throws: MessagingError.self) { try await local.call(Self.add, Pair(a: 1, b: 2)) }
            #expect(error?.code == .noResponder)
            let client = try await WireClient.connected(port, "client", version)
            try await client.subscribe(.init(filter, qos: .atLeastOnce))
            async let sum = local.call(Self.add, Pair(a: 1, b: 2), timeout: .seconds(60))
            let request = try await client.message()
            if version == .v5 {
                #expect(request.payload == Array(#"{"a":1,"b":2}"#.utf8))
                let address = try #require(request.properties.text(.responseTopic))
                #expect(address.hasPrefix("reply/"))
                var properties = PropertyList()
                properties.add(.correlationData, try #require(request.properties.data(.correlationData)))
                try await client.publish("3", to: address, .atLeastOnce, id: 1, properties: properties)
                #expect(try await client.receive() == .puback(Acknowledgement(1)))
            } else {
                let text = String(decoding: request.payload, as: UTF8.self)
                let address = try #require(text.split(separator: #""reply_to":""#).last?.prefix { $0 != "\"" })
                #expect(address.hasPrefix("reply/"))
                // It says nothing of what it answers but the address.
                try await client.publish(#"{"header":{"timestamp":1},"data":3}"#, to: String(address))
            }
            #expect(try await sum == 3)
        }
    }

    /// Nobody but the caller gets the answer, whatever he subscribes to.
    @Test func replyAddressesAreTheirOwners() async throws {
        let broker = MemoryBroker()
        let local = try await broker.connect(name: "local")
        try await withServer(broker) { _, port in
            let thief = try await WireClient.connected(port, "thief")
            #expect(
                try await thief.subscribe(.init("#"), .init("reply/#"), .init("+/+"), .init("reply/+/+"))
                    == [.success, .success, .success, .success]
            )
            let client = try await WireClient.connected(port, "client")
            try await client.subscribe(.init("math/add"))
            async let sum = local.call(Self.add, Pair(a: 1, b: 2), timeout: .seconds(60))
            let request = try await client.message()
            let address = try #require(request.properties.text(.responseTopic))
            let owner = address.split(separator: "/").prefix(2).joined(separator: "/")
            for filter in [
                address, owner, owner + "/#", owner + "/+", "$share/g/" + address, "$share/martlet/" + address,
            ] {
                #expect(try await thief.subscribe(.init(filter)) == [.notAuthorized], "\(filter)")
            }
            var properties = PropertyList()
            properties.add(.correlationData, try #require(request.properties.data(.correlationData)))
            try await client.publish("3", to: address, .atLeastOnce, id: 1, retain: true, properties: properties)
            #expect(try await client.receive() == .puback(Acknowledgement(1)))
            #expect(try await sum == 3)
            await local.close()
            // Too late: it is nobody's, and not told to those who listen to everything.
            try await client.publish("4", to: address, .atLeastOnce, id: 2, properties: properties)
            #expect(try await client.receive() == .puback(Acknowledgement(2, .noMatchingSubscribers)))
            let seen = try await thief.textsUntilMark()
            #expect(!seen.contains("3") && !seen.contains("4"), "\(seen)")
            // Topics that only look like one are topics.
            try await thief.subscribe(.init("reply/here"))
            try await client.publish("5", to: "reply/here", .atLeastOnce, id: 3)
            #expect(try await client.receive() == .puback(Acknowledgement(3)))
            #expect(try await thief.textsUntilMark().contains("5"))
        }
    }

    /// Runs `body` while calls are answered.
    private func withResponder<Request, Response>(
        on connection: MemoryConnection,
        _ rpc: RPC<Request, Response>,
        _ handler: @escaping @Sendable (Request) async throws -> Response,
        _ body: () async throws -> Void
    ) async throws {
        let (isReady, ready) = AsyncStream.makeStream(of: Void.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await connection.respond(to: rpc, onReady: { ready.finish() }, handler: handler) }
            for await _ in isReady {}
            try await body()
            group.cancelAll()
        }
    }
}
