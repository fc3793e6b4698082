import Martlet
import MartletMQTT
import MartletService

/// Says what it hears, and something of its own every ten seconds.
struct Echo: ServiceProgram {
    struct Settings: Decodable, Sendable { var customValue: String }

    let service: ServiceContext<MQTTConnection, Settings>

    var components: [any Component] {
        Handle("echo") { (text: String) in try await service.publish(text, to: "echo_response") }
        Every(.seconds(10)) {
            try await service.publish("bar", to: "foo")
            let answer: JSON = ["answer": 42.01, "config_demo": .string(service.settings.customValue)]
            try await service.publish(answer, to: "foofoo")
        }
    }
}
