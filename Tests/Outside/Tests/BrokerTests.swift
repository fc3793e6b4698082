import Martlet
import MartletBrokers
import Testing

/// What a program that takes no trait can connect to by a URL.
@Suite(.timeLimit(.minutes(10))) struct BrokerTests {
    @Test func theEmbeddedBrokerIsThere() async throws {
        let value = try await withConnection(to: "memory:outside") { broker in
            let readings = try await broker.subscribe(to: Topic<Int>("door"))
            try await broker.publish(1, to: Topic<Int>("door"))
            return try await readings.next()?.value
        }
        #expect(value == 1)
    }

    @Test(
        arguments: [
            ("mqtt", "MQTT"), ("mqtts", "MQTT"), ("amqp", "AMQP"), ("amqps", "AMQP"), ("redis", "Redis"),
            ("rediss", "Redis"), ("unix", "Redis"), ("redis+unix", "Redis"),
        ]
    )
    func anErrorNamesTheTraitThatIsMissing(scheme: String, trait: String) async {
        let error = await #expect(throws: MessagingError.self) { try await connect(to: "\(scheme)://u:hunter2@h/") }
        #expect(error?.code == .unsupported)
        #expect(error?.message.contains("without the trait \(trait) of the package martlet") == true)
        #expect(error?.message.contains("'\(scheme):'") == true)
        #expect(error?.description.contains("hunter2") == false)
    }

    @Test func anErrorNamesTheSchemesThereAre() async {
        let error = await #expect(throws: MessagingError.self) { try await connect(to: "kafka://u:hunter2@h") }
        #expect(error?.code == .invalidArgument)
        #expect(
            error?.message.contains("memory:, mqtt:, mqtts:, amqp:, amqps:, redis:, rediss:, unix: or redis+unix:")
                == true
        )
        #expect(error?.description.contains("hunter2") == false)
    }
}
