import Martlet
import MartletMQTT
import MartletService

/// The examples of the documentation of services.
private enum ServiceExamples {
    struct Echo: ServiceProgram {
        struct Settings: Decodable, Sendable { var customValue: String }
        let service: ServiceContext<MQTTConnection, Settings>

        var components: [any Component] {
            Handle("echo") { (text: String) in try await service.publish(text, to: "echo_response") }
            Every(.seconds(10)) { try await service.publish(service.settings.customValue, to: "custom") }
        }
    }

    static func publish(_ service: ServiceContext<MQTTConnection, NoSettings>) async throws {
        try await service.publish(21.5, to: "temperature", retain: true, guarantee: .atLeastOnce)
        try await service.publish(3, to: "doors/open", changes: .onlyIfChanged)
        try await service.publish(json: "closed", to: "door")
        try await service.publish(membersOf: ["volume": 11, "bass": 4])
    }

    static func remember(_ state: StateFile<JSON>) async throws {
        print(state["counts", "north", default: 0])
        try await state.set("counts", "north", to: 1)
    }

    struct Gadget: ServiceProgram {
        struct Memory: Codable, Sendable { var powersave = false }
        let service: ServiceContext<MQTTConnection, NoSettings>
        let memory: StateFile<Memory>

        init(service: Context) async throws {
            self.service = service
            memory = try await service.state(default: Memory())
        }

        var components: [any Component] {
            Handle("powersave") { (isOn: Bool) in try await memory.update { $0.powersave = isOn } }
        }
    }
}
