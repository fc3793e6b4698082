import Martlet
import MartletHomeAssistant
import MartletService
import Synchronization

/// A device with entities of all kinds, and the commands that they got.
final class HouseUnderTest: Sendable {
    struct Refusal: Error {}

    private let state = Mutex<[String]>([])

    /// The commands that were obeyed.
    var commands: [String] { state.withLock { $0 } }

    /// Obeys a command.
    func got(_ text: String) throws {
        if text.contains("13") { throw Refusal() }
        state.withLock { $0.append(text) }
    }

    let temperature = Sensor(
        "Temperature",
        at: "temperature",
        of: Double.self,
        unit: "°C",
        deviceClass: "temperature",
        stateClass: "measurement",
        precision: 1
    )
    let weather = Sensor("Weather", at: "weather", of: String.self, values: ["sun", "rain"])
    let pressure = Sensor(
        "Pressure",
        at: "pressure",
        of: Int.self,
        unit: "hPa",
        deviceClass: "pressure",
        expireAfter: .seconds(60),
        isForced: true
    )
    let door = BinarySensor("Door", at: "door", deviceClass: "door", offDelay: .seconds(30))
    let bell = EventEntity("Bell", at: "bell", types: ["ring", "knock"], deviceClass: "doorbell")
    let car = DeviceTracker("Car", at: "car", hasState: true, source: "gps")
    let bag = DeviceTracker("Bag", at: "bag")
    let picture = Image("Picture", at: "picture", contentType: "image/png")
    let key = DeviceTrigger("button_short_press", "button_1", at: "key", payload: "short")

    var entities: [any Entity] {
        [
            temperature, weather, pressure, door, bell, car, bag, picture, key,
            Switch("Pump", at: "pump", deviceClass: "outlet") { try self.got("pump \($0)") },
            Number("Target", at: "target", in: 5...35, step: 0.5, unit: "°C", isSlider: true) {
                try self.got("target \($0)")
                return min($0, 30)
            },
            Text("Label", at: "label", length: 1...10, pattern: "[a-z]+") {
                try self.got("label \($0)")
                return $0
            },
            Select("Mode", at: "mode", of: ["eco", "comfort"]) {
                try self.got("mode \($0)")
                return $0
            },
            Button("Restart", at: "restart", deviceClass: "restart") { try self.got("restart") },
            Update("Firmware", at: "firmware", title: "Greenhouse OS", isFirmware: true) { try self.got("install") },
            Cover("Blind", at: "blind", hasPosition: true, deviceClass: "blind") { try self.got("blind \($0)") },
            Valve("Water", at: "water", deviceClass: "water") { try self.got("water \($0)") },
            Valve("Gas", at: "gas", hasPosition: true, canStop: true) { try self.got("gas \($0)") },
            Lock("Gate", at: "gate", canOpen: true) { command in
                try self.got("gate \(command)")
                return switch command {
                case .lock: .locked
                case .unlock: .unlocked
                case .open: .opening
                }
            },
            Fan("Fan", at: "fan", hasSpeed: true, presets: ["night"], oscillates: true, turns: true) {
                try self.got("fan \($0)")
            },
            Light("Lamp", at: "lamp", kelvins: 2_000...6_500, hasColor: true, effects: ["fire"]) { command in
                try self.got("lamp \(command.isOn) \(command.brightness ?? 0)")
                return LightState(isOn: command.isOn, brightness: command.brightness ?? 255)
            },
            Light("Spot", at: "spot") { $0 },
            Climate(
                "Heating",
                at: "heating",
                modes: ["off", "heat"],
                fanModes: ["low", "high"],
                swingModes: ["on", "off"],
                presets: ["away"],
                temperature: 5...30,
                humidity: 30...80,
                step: 0.5,
                unit: "C",
                hasPower: true,
                measuresHumidity: true,
                saysAction: true
            ) { try self.got("heating \($0)") },
            Climate("Cooling", at: "cooling", modes: ["cool"], temperature: 15...30, hasRange: true) {
                try self.got("cooling \($0)")
            },
        ]
    }

    func device(_ name: String = "Green house", _ entities: [any Entity]? = nil) -> Device {
        Device(
            name,
            model: "Pi",
            modelID: "5",
            manufacturer: "Acme",
            softwareVersion: "1.0",
            serialNumber: "7",
            connections: ["mac": "02:5b:26:a8:dc:12"],
            area: "Garden",
            url: "https://house.example:8443/"
        ) { entities ?? self.entities }
    }
}
