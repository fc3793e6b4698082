import IntegrationSupport
import Martlet
import Testing

/// commlib-py's serializers other than JSON. What it calls binary is JSON again.
@Suite(.timeLimit(.minutes(5))) struct SerializerTests {
    @Test(arguments: [Broker.mqtt5, .amqp, .redis]) func binary(broker: Broker) async throws {
        try await Stage.with(broker) { stage in
            let arguments: [String: JSON] = ["type": "reading", "serializer": "binary"]
            try await stage.withPeer("subscribe", arguments) { peer in
                try await stage.probe(peer, stage.name, Reading())
                try await stage.connection.publish(Reading.sample(5), to: Topic<Reading>(TopicName(stage.name)))
                try await #expect(stage.message(peer)["data"] == Reading.sample(5).json)
            }
        }
        try await Stage.with(broker) { stage in
            try await stage.withPeer("serve", ["serializer": "binary"]) { service in
                try await stage.reach(service)
                let sum = try await stage.connection.call(stage.add, Pair(a: 20, b: 22))
                #expect(sum.c == 42)
            }
        }
        try await Stage.with(broker) { stage in
            try await stage.serving {
                let arguments: [String: JSON] = [
                    "type": "add", "serializer": "binary", "requests": [Pair(a: 1, b: 2).json],
                ]
                let reply = try await stage.withPeer("call", arguments) { try await $0.next("reply") }
                #expect(reply["data"] == ["c": 3], "\(reply)")
            }
        }
    }
}
