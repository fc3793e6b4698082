import IntegrationSupport
import Martlet
import Testing

/// commlib-py's serializers other than JSON. What it calls binary is JSON again.
@Suite(.timeLimit(.minutes(10))) struct SerializerTests {
    private static let options: [String: ConnectionOptions] = [
        "binary": ConnectionOptions(),
        "msgpack": ConnectionOptions(transforms: [MessagePackTransform()]),
    ]

    // In process there is nothing that a transform would change: it has no wire of its own.
    @Test(arguments: Broker.remote, ["binary", "msgpack"])
    func anotherSerializer(broker: Broker, name: String) async throws {
        let options = try #require(Self.options[name])
        let serializer = JSON.string(name)
        try await Stage.with(broker, options) { stage in
            let arguments: [String: JSON] = ["type": "reading", "serializer": serializer]
            try await stage.withPeer("subscribe", arguments) { peer in
                try await stage.probe(peer, stage.name, Reading())
                try await stage.connection.publish(Reading.sample(5), to: Topic<Reading>(TopicName(stage.name)))
                try await #expect(stage.message(peer)["data"] == Reading.sample(5).json)
            }
        }
        try await Stage.with(broker, options) { stage in
            let subscription = try await stage.connection.subscribe(to: Topic<Reading>(TopicName(stage.name)))
            let arguments: [String: JSON] = [
                "names": [.string(stage.name)], "type": "reading", "serializer": serializer,
                "messages": .array((0..<3).map { Reading.sample($0).json }),
            ]
            try await stage.withPeer("publish", arguments) { _ in
                for number in 0..<3 {
                    let received = try await subscription.next()
                    #expect(received?.value == Reading.sample(number))
                }
            }
        }
        try await Stage.with(broker, options) { stage in
            try await stage.withPeer("serve", ["serializer": serializer]) { service in
                try await stage.reach(service)
                let sum = try await stage.connection.call(stage.add, Pair(a: 20, b: 22))
                #expect(sum.c == 42)
            }
        }
        try await Stage.with(broker, options) { stage in
            try await stage.serving {
                let arguments: [String: JSON] = [
                    "type": "add", "serializer": serializer, "requests": [Pair(a: 1, b: 2).json],
                ]
                let reply = try await stage.withPeer("call", arguments) { try await $0.next("reply") }
                #expect(reply["data"] == ["c": 3], "\(reply)")
            }
        }
    }
}
