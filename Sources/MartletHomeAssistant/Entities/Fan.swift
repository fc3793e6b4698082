import Martlet
import MartletService

/// What a fan is told, and says.
public enum FanSetting: Sendable, Hashable {
    /// Whether it is on.
    case power(Bool)
    /// How fast it is, of 100.
    case speed(Int)
    /// The name of a program.
    case preset(String)
    /// Whether it swings.
    case oscillation(Bool)
    /// Whether it turns forwards.
    case forward(Bool)

    /// Home Assistant's name for its topics, and the text.
    fileprivate var written: (kind: String, text: String) {
        switch self {
        case .power(let isOn): ("", isOn ? "ON" : "OFF")
        case .speed(let speed): ("percentage_", "\(speed)")
        case .preset(let name): ("preset_mode_", name)
        case .oscillation(let swings): ("oscillation_", swings ? "oscillate_on" : "oscillate_off")
        case .forward(let isForward): ("direction_", isForward ? "forward" : "reverse")
        }
    }

    fileprivate init?(_ kind: String, _ text: String) {
        switch (kind, text) {
        case ("", "ON"), ("", "OFF"): self = .power(text == "ON")
        case ("percentage_", _):
            guard let speed = Int(text), (0...100).contains(speed) else { return nil }
            self = .speed(speed)
        case ("preset_mode_", _): self = .preset(text)
        case ("oscillation_", "oscillate_on"), ("oscillation_", "oscillate_off"):
            self = .oscillation(text == "oscillate_on")
        case ("direction_", "forward"), ("direction_", "reverse"): self = .forward(text == "forward")
        default: return nil
        }
    }
}

/// A fan.
public struct Fan: Entity {
    /// What is common to all kinds.
    public let core: EntityCore

    /// A fan.
    ///
    /// - Parameters:
    ///   - name: what people call it.
    ///   - topics: where it is published (`state_topic`, `percentage_state_topic` …) and commanded (`command_topic` …).
    ///   - hasSpeed: whether it can be faster and slower.
    ///   - presets: its programs, none of them called `None`.
    ///   - oscillates: whether it can swing.
    ///   - turns: whether it can turn both ways.
    ///   - options: what else there is to say.
    ///   - handler: sets it; the setting is published when it has returned.
    public init(
        _ name: String,
        at topics: EntityTopics,
        hasSpeed: Bool = false,
        presets: [String] = [],
        oscillates: Bool = false,
        turns: Bool = false,
        options: EntityOptions = EntityOptions(),
        handler: @escaping @Sendable (_ setting: FanSetting) async throws -> Void
    ) {
        var kinds = [""]
        if hasSpeed { kinds.append("percentage_") }
        if !presets.isEmpty { kinds.append("preset_mode_") }
        if oscillates { kinds.append("oscillation_") }
        if turns { kinds.append("direction_") }
        core = EntityCore(
            "fan",
            name,
            options,
            ["preset_modes": presets.isEmpty ? nil : .array(presets.map(JSON.string))],
            channels: kinds.map { kind in
                let key = kind + "state_topic"
                return EntityCore.Channel(key: key, topic: topics[key, isOnly: false])
            },
            commands: kinds.map { kind in
                let key = kind + "command_topic"
                let command = EntityCore.Command(topic: topics[key, isOnly: false]) { text, entity in
                    guard let setting = FanSetting(kind, text) else { throw CommandError(text, name) }
                    if case .preset(let preset) = setting, !presets.contains(preset) { throw CommandError(text, name) }
                    try await handler(setting)
                    try await entity.report(text, kind + "state_topic")
                }
                return (key, command)
            }
        )
    }

    /// Publishes a setting.
    public func report(_ setting: FanSetting) async throws {
        let (kind, text) = setting.written
        try await core.report(text, kind + "state_topic")
    }
}
