import Martlet
import MartletHomeAssistant
import MartletMQTT
import MartletService

/// A device that Home Assistant finds by itself: a temperature, a pump, and what to aim at.
struct Greenhouse: ServiceProgram {
    struct Memory: Codable, Sendable { var target = 20.0 }

    let service: ServiceContext<MQTTConnection, NoSettings>
    let memory: StateFile<Memory>
    let temperature = Sensor("Temperature", at: "temperature", of: Double.self, unit: "°C", deviceClass: "temperature")

    init(service: Context) async throws {
        self.service = service
        memory = try await service.state(default: Memory())
    }

    var components: [any Component] {
        Device("Greenhouse", model: "Pi") {
            temperature
            Switch("Pump", at: "pump") { isOn in print("the pump is \(isOn ? "on" : "off")") }
            Number("Target", at: "target", in: 5...35, step: 0.5, unit: "°C") { value in
                try await memory.update { $0.target = value }
                return value
            }
        }
        Every(.seconds(30)) { try await temperature.report(memory.value.target + .random(in: -1...1)) }
    }
}
