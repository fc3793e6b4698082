import Martlet
import MartletHomeAssistant
import MartletMQTT
import MartletService

/// The same house as miqro's in the tests has.
struct House: ServiceProgram {
    let service: ServiceContext<MQTTConnection, NoSettings>
    private let door = BinarySensor("Door", at: "door", deviceClass: "door", offDelay: .seconds(30))

    var components: [any Component] {
        Device(
            "Green house",
            model: "Pi",
            manufacturer: "Acme",
            softwareVersion: "1.0",
            hardwareVersion: "2",
            connections: ["mac": "02:5b:26:a8:dc:12"],
            area: "Garden",
            setsEntityIDs: true
        ) {
            Sensor(
                "Temperature",
                at: "temperature",
                of: Double.self,
                unit: "°C",
                deviceClass: "temperature",
                stateClass: "measurement",
                precision: 1,
                expireAfter: .seconds(120),
                isForced: true,
                options: EntityOptions(icon: "mdi:thermometer", category: .diagnostic)
            )
            Sensor("Weather", at: "weather", of: String.self, values: ["sun", "rain"])
            door
            Switch("Pump", at: EntityTopics("pump", ["state_topic": "pump", "command_topic": "pump/set"])) { _ in }
            Text("Label", at: "label", length: 1...10, pattern: "[a-z]+") { $0 }
            Number("Target", at: "target", in: 5...35, step: 0.5, unit: "°C", isSlider: true) { $0 }
            Select("Mode", at: "mode", of: ["eco", "comfort"]) { $0 }
            Button("Restart", at: "restart") {}
            EventEntity("Bell", at: "bell", types: ["ring"], deviceClass: "doorbell")
            Climate("Heating", at: "heating", modes: ["off", "heat"], temperature: 5...30, step: 0.5, unit: "C") { _ in
            }
            DeviceTracker("Car", at: "car")
        }
        Device.standalone(setsEntityIDs: true) {
            Sensor("Alone", at: "alone", of: String.self, options: EntityOptions(icon: "mdi:eye"))
        }
    }
}
