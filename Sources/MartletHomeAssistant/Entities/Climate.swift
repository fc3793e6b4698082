import Martlet
import MartletService

/// What a heating or an air conditioner is told, and says.
public enum ClimateSetting: Sendable, Hashable {
    /// `off`, `heat`, `cool`, `auto`, `dry`, `fan_only`.
    case mode(String)
    /// What it aims at.
    case temperature(Double)
    /// The highest that it lets be.
    case highTemperature(Double)
    /// The lowest that it lets be.
    case lowTemperature(Double)
    /// Which humidity it aims at, in percent.
    case humidity(Double)
    /// How it blows.
    case fanMode(String)
    /// How it swings.
    case swingMode(String)
    /// The name of a program; `none`: no program, which can be told of every climate that has some.
    case preset(String)
    /// Whether it is on. Home Assistant commands it, and does not ask for it.
    case power(Bool)

    fileprivate var written: (kind: String, text: String) {
        switch self {
        case .mode(let word): ("mode", word)
        case .temperature(let value): ("temperature", Self.text(value))
        case .highTemperature(let value): ("temperature_high", Self.text(value))
        case .lowTemperature(let value): ("temperature_low", Self.text(value))
        case .humidity(let value): ("target_humidity", Self.text(value))
        case .fanMode(let word): ("fan_mode", word)
        case .swingMode(let word): ("swing_mode", word)
        case .preset(let word): ("preset_mode", word)
        case .power(let isOn): ("power", isOn ? "ON" : "OFF")
        }
    }

    fileprivate static func text(_ value: Double) -> String {
        (try? String(decoding: PlainText().encode(value), as: UTF8.self)) ?? "None"
    }

    fileprivate init?(_ kind: String, _ text: String) {
        switch kind {
        case "mode": self = .mode(text)
        case "fan_mode": self = .fanMode(text)
        case "swing_mode": self = .swingMode(text)
        case "preset_mode": self = .preset(text)
        case "power":
            guard ["ON", "OFF"].contains(text) else { return nil }
            self = .power(text == "ON")
        default:
            guard let value = Double(text), value.isFinite else { return nil }
            switch kind {
            case "temperature": self = .temperature(value)
            case "temperature_high": self = .highTemperature(value)
            case "temperature_low": self = .lowTemperature(value)
            default: self = .humidity(value)
            }
        }
    }
}

/// A heating or an air conditioner.
///
/// ```swift
/// Climate("Heating", at: "heating", modes: ["off", "heat"], temperature: 5...30) { setting in
///     if case .temperature(let value) = setting { try await heating.aim(at: value) }
/// }
/// ```
public struct Climate: Entity {
    /// What is common to all kinds.
    public let core: EntityCore

    /// A heating or an air conditioner.
    ///
    /// - Parameters:
    ///   - name: what people call it.
    ///   - topics: where settings are published (`mode_state_topic` …), commanded (`mode_command_topic` …), and values published
    ///     (`current_temperature_topic`, `current_humidity_topic`, `action_topic`).
    ///   - modes: those that it has, such as `off` and `heat`: one at least, which is the state that is shown.
    ///   - fanModes: those that it has.
    ///   - swingModes: those that it has.
    ///   - presets: those that it has, without `none`.
    ///   - temperature: what it can aim at; `nil`: that is not set.
    ///   - hasRange: whether it has a highest and a lowest temperature, rather than one to aim at.
    ///   - humidity: what it can aim at, in percent; `nil`: that is not set.
    ///   - step: how far apart temperatures to aim at are.
    ///   - unit: `C` or `F`; `nil`: Home Assistant's own.
    ///   - hasPower: whether it can be told to be on and off, besides its modes.
    ///   - measures: whether it says which temperature there is.
    ///   - measuresHumidity: whether it says which humidity there is.
    ///   - saysAction: whether it says what it does.
    ///   - options: what else there is to say.
    ///   - handler: sets it; the setting is published when it has returned.
    public init(
        _ name: String,
        at topics: EntityTopics,
        modes: [String],
        fanModes: [String] = [],
        swingModes: [String] = [],
        presets: [String] = [],
        temperature: ClosedRange<Double>? = nil,
        hasRange: Bool = false,
        humidity: ClosedRange<Double>? = nil,
        step: Double? = nil,
        unit: String? = nil,
        hasPower: Bool = false,
        measures: Bool = true,
        measuresHumidity: Bool = false,
        saysAction: Bool = false,
        options: EntityOptions = EntityOptions(),
        handler: @escaping @Sendable (_ setting: ClimateSetting) async throws -> Void
    ) {
        let words = ["mode": modes, "fan_mode": fanModes, "swing_mode": swingModes, "preset_mode": presets]
        // By it Home Assistant has one leave a preset.
        let known = words.merging(["preset_mode": presets + ["none"]]) { $1 }
        var kinds = ["mode", "fan_mode", "swing_mode", "preset_mode"].filter { words[$0]?.isEmpty == false }
        if temperature != nil { kinds += hasRange ? ["temperature_high", "temperature_low"] : ["temperature"] }
        if humidity != nil { kinds.append("target_humidity") }
        let values = [
            measures ? "current_temperature_topic" : nil, measuresHumidity ? "current_humidity_topic" : nil,
            saysAction ? "action_topic" : nil,
        ].compactMap { $0 }
        var members: [String: JSON?] = [
            "min_temp": (temperature?.lowerBound).map(JSON.number),
            "max_temp": (temperature?.upperBound).map(JSON.number),
            "min_humidity": (humidity?.lowerBound).map(JSON.number),
            "max_humidity": (humidity?.upperBound).map(JSON.number),
            "temp_step": step.map(JSON.number), "temperature_unit": unit.map(JSON.string),
        ]
        for (kind, words) in words where !words.isEmpty { members[kind + "s"] = .array(words.map(JSON.string)) }
        core = EntityCore(
            "climate",
            name,
            options,
            members,
            channels: (kinds.map { $0 + "_state_topic" } + values).map {
                .init(key: $0, topic: topics[$0, isOnly: false])
            },
            commands: (kinds + (hasPower ? ["power"] : [])).map { kind in
                let key = kind + "_command_topic"
                let command = EntityCore.Command(topic: topics[key, isOnly: false]) { text, entity in
                    guard let setting = ClimateSetting(kind, text), known[kind]?.contains(text) != false,
                        Self.isWithin(setting, temperature, humidity)
                    else { throw CommandError(text, name) }
                    try await handler(setting)
                    try await entity.report(text, kind + "_state_topic")
                }
                return (key, command)
            }
        )
    }

    private static func isWithin(
        _ setting: ClimateSetting,
        _ temperature: ClosedRange<Double>?,
        _ humidity: ClosedRange<Double>?
    ) -> Bool {
        switch setting {
        case .temperature(let value), .highTemperature(let value), .lowTemperature(let value):
            temperature?.contains(value) != false
        case .humidity(let value): humidity?.contains(value) != false
        default: true
        }
    }

    /// Publishes a setting.
    public func report(_ setting: ClimateSetting) async throws {
        let (kind, text) = setting.written
        try await core.report(text, kind + "_state_topic")
    }

    /// Publishes which temperature there is; `nil`: that is not known.
    public func report(currentTemperature value: Double?) async throws {
        try await core.report(value.map(ClimateSetting.text), "current_temperature_topic")
    }

    /// Publishes which humidity there is, in percent; `nil`: that is not known.
    public func report(currentHumidity value: Double?) async throws {
        try await core.report(value.map(ClimateSetting.text), "current_humidity_topic")
    }

    /// Publishes what it does: `off`, `heating`, `cooling`, `drying`, `idle`, `fan`; `nil`: that is not known.
    public func report(action: String?) async throws { try await core.report(action, "action_topic") }
}
