import Martlet
import MartletService

/// How a light is, or is told to be. What is `nil` is as it was.
public struct LightState: Sendable, Hashable, Codable {
    /// A colour, each part from 0 to 255.
    public struct Color: Sendable, Hashable, Codable {
        /// Its parts.
        public var red, green, blue: Int

        private enum CodingKeys: String, CodingKey {
            case red = "r"
            case green = "g"
            case blue = "b"
        }

        /// A colour.
        public init(red: Int, green: Int, blue: Int) {
            self.red = red
            self.green = green
            self.blue = blue
        }
    }

    /// Whether it is on.
    public var isOn: Bool
    /// From 1 to 255.
    public var brightness: Int?
    /// In kelvins.
    public var colorTemperature: Int?
    /// Its colour.
    public var color: Color?
    /// The name of what it plays.
    public var effect: String?
    /// Over how many seconds it is to change. Only of commands.
    public var transition: Double?

    /// A state.
    public init(
        isOn: Bool,
        brightness: Int? = nil,
        colorTemperature: Int? = nil,
        color: Color? = nil,
        effect: String? = nil
    ) {
        self.isOn = isOn
        self.brightness = brightness
        self.colorTemperature = colorTemperature
        self.color = color
        self.effect = effect
    }

    private enum CodingKeys: String, CodingKey {
        case state, brightness, color, effect, transition
        case colorTemperature = "color_temp"
        case mode = "color_mode"
    }

    /// Reads what Home Assistant sends.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let state = try container.decodeIfPresent(String.self, forKey: .state)
        guard state == nil || state == "ON" || state == "OFF" else {
            throw DecodingError.dataCorruptedError(
                forKey: .state,
                in: container,
                debugDescription: "it is not ON or OFF"
            )
        }
        isOn = state != "OFF"
        brightness = try container.decodeIfPresent(Int.self, forKey: .brightness)
        colorTemperature = try container.decodeIfPresent(Int.self, forKey: .colorTemperature)
        color = try container.decodeIfPresent(Color.self, forKey: .color)
        effect = try container.decodeIfPresent(String.self, forKey: .effect)
        transition = try container.decodeIfPresent(Double.self, forKey: .transition)
    }

    /// Writes what Home Assistant reads.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(isOn ? "ON" : "OFF", forKey: .state)
        try container.encodeIfPresent(brightness, forKey: .brightness)
        try container.encodeIfPresent(colorTemperature, forKey: .colorTemperature)
        try container.encodeIfPresent(color, forKey: .color)
        try container.encodeIfPresent(effect, forKey: .effect)
        if let mode { try container.encode(mode, forKey: .mode) }
    }

    /// Of the two that can't hold at once the colour counts.
    private var mode: String? {
        color != nil ? "rgb" : colorTemperature != nil ? "color_temp" : nil
    }
}

/// A light.
///
/// ```swift
/// Light("Lamp", at: "lamp", hasBrightness: true) { command in try await lamp.set(command) }
/// ```
public struct Light: Entity {
    /// What is common to all kinds.
    public let core: EntityCore

    /// A light.
    ///
    /// - Parameters:
    ///   - name: what people call it.
    ///   - topics: where it is published (`state_topic`) and commanded (`command_topic`).
    ///   - hasBrightness: whether it can be dimmed. A light with colours can.
    ///   - kelvins: which temperatures its white has; `nil`: one.
    ///   - hasColor: whether it has colours.
    ///   - effects: what it can play.
    ///   - options: what else there is to say.
    ///   - handler: sets it, and returns how it is then, which is published.
    public init(
        _ name: String,
        at topics: EntityTopics,
        hasBrightness: Bool = false,
        kelvins: ClosedRange<Int>? = nil,
        hasColor: Bool = false,
        effects: [String] = [],
        options: EntityOptions = EntityOptions(),
        handler: @escaping @Sendable (_ command: LightState) async throws -> LightState
    ) {
        var modes: [JSON] = []
        if hasColor { modes.append("rgb") }
        if kelvins != nil { modes.append("color_temp") }
        if modes.isEmpty { modes.append(hasBrightness ? "brightness" : "onoff") }
        core = EntityCore.commanded(
            "light",
            name,
            at: topics,
            options,
            [
                "schema": "json", "supported_color_modes": .array(modes),
                "brightness": hasBrightness || hasColor || kelvins != nil ? true : nil,
                "color_temp_kelvin": kelvins == nil ? nil : true,
                "min_kelvin": kelvins.map { .integer(Int64($0.lowerBound)) },
                "max_kelvin": kelvins.map { .integer(Int64($0.upperBound)) },
                "effect": effects.isEmpty ? nil : true,
                "effect_list": effects.isEmpty ? nil : .array(effects.map(JSON.string)),
            ]
        ) { text in
            let command: LightState
            do { command = try JSON(parsing: text).value() } catch { throw CommandError(text, name) }
            return try await JSON(encoding: handler(command)).description
        }
    }

    /// Publishes how it is.
    public func report(_ state: LightState) async throws { try await core.report(JSON(encoding: state).bytes) }
}
