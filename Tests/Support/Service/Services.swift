import Martlet
import MartletMQTT
import MartletService

/// miqro's own example.
struct Echo: ServiceProgram {
    struct Settings: Decodable, Sendable {
        var customValue: String
    }

    struct Answer: Codable, Sendable {
        var answer: Double
        var configDemo: String

        private enum CodingKeys: String, CodingKey {
            case answer
            case configDemo = "config_demo"
        }
    }

    let service: ServiceContext<MQTTConnection, Settings>

    var components: [any Component] {
        Handle("echo") { (text: String) in try await service.publish(text, to: "echo_response") }
        Every(.milliseconds(200)) {
            try await service.publish(Answer(answer: 42.01, configDemo: service.settings.customValue), to: "foofoo")
        }
    }
}

/// Says that it is online.
struct Minimal: ServiceProgram {
    let service: ServiceContext<MQTTConnection, NoSettings>
}

/// Remembers, and tells what it gets.
struct Gadget: ServiceProgram {
    struct Memory: Codable, Sendable {
        var powersave = false
        var sent = 0
    }

    static let name = "gadget-1"
    let service: ServiceContext<MQTTConnection, NoSettings>
    let memory: StateFile<Memory>

    init(service: Context) async throws {
        self.service = service
        memory = try await service.state(default: Memory())
    }

    var components: [any Component] {
        Consecutive {
            Handle("powersave") { (isOn: Bool) in
                try await memory.update { $0.powersave = isOn }
                try await service.publish(memory.value.powersave, to: "state/powersave", retain: true)
            }
            Handle("sms/send/#") { (text: String, number: String) in
                let sent = try await memory.update { memory in
                    memory.sent += 1
                    return memory.sent
                }
                try await service.publish("\(sent): \(number): \(text)", to: "sms/sent", guarantee: .atLeastOnce)
            }
        }
    }
}
