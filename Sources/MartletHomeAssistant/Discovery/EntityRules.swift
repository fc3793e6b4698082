import Martlet

/// What Home Assistant demands of an entity besides the form: else it would leave the entity out, and say so in its own log alone.
///
/// The rules are those of Home Assistant 2026.11.
struct EntityRules {
    let platform: String
    /// What is said of the entity, by Home Assistant's keys.
    let members: [String: JSON]

    /// What is wrong, and what to do about it; `nil`: nothing is.
    var complaint: String? {
        if let (key, _) = members.first(where: { $0.value.double?.isFinite == false }) {
            return "has a '\(key)' that is not finite: give it an end"
        }
        if let icon = text("icon"), !icon.contains(":") {
            return "has the icon '\(icon)', which is of no set: write it as 'mdi:water'"
        }
        if let key = ["device_class", "state_class"].first(where: { text($0) == "" }) {
            return "has a '\(key)' that is an empty text: say nil"
        }
        return switch platform {
        case "sensor": category ?? words ?? angle ?? unit ?? decimals
        case "binary_sensor": category
        case "number": step
        case "text": length
        case "climate": modes ?? humidity
        case "fan": presets(without: "None")
        default: nil
        }
    }

    private func text(_ key: String) -> String? { members[key]?.string }

    /// Of sensors.
    private var category: String? {
        guard text("entity_category") == EntityOptions.Category.configuration.rawValue else { return nil }
        return "only tells something, and so is no setting: make its category .diagnostic, or leave it out"
    }

    private var words: String? {
        guard let values = members["options"]?.array else { return nil }
        if values.isEmpty { return "has a list of values without any: name them, or leave the list out" }
        if members["state_class"] != nil || members["unit_of_measurement"] != nil {
            return "has words for values, and so neither a unit nor a state class: leave those out, or the words"
        }
        guard let deviceClass = text("device_class"), deviceClass != "enum" else { return nil }
        return "has words for values, and so the device class 'enum': leave '\(deviceClass)' out"
    }

    private var angle: String? {
        guard text("state_class") == "measurement_angle", text("unit_of_measurement") != "°" else { return nil }
        return "has the state class 'measurement_angle', and so the unit '°': say so"
    }

    private var unit: String? {
        guard let unit = text("unit_of_measurement"), unit.contains(where: { !$0.isWhitespace }),
            let deviceClass = text("device_class"), let units = SensorUnits.of[deviceClass],
            !units.contains(SensorUnits.usual(unit))
        else { return nil }
        let choice = units.isEmpty ? "none" : units.map { "'\($0)'" }.joined(separator: ", ")
        return "has the unit '\(unit)', but the units of the device class '\(deviceClass)' are \(choice): take one of "
            + "them, or no device class; one that is newer than this list is said by `more` of the options"
    }

    private var decimals: String? {
        guard let precision = members["suggested_display_precision"]?.int, precision < 0 else { return nil }
        return "shows \(precision) decimals: 0 is the least"
    }

    private var step: String? {
        guard let step = members["step"]?.double, step < 0.001 else { return nil }
        return "has steps of \(step): 0.001 is the least"
    }

    private var length: String? {
        guard let least = members["min"]?.int, let most = members["max"]?.int, least < 0 || most > 255 else {
            return nil
        }
        return "has \(least) to \(most) characters: 0 is the least, and 255 the most"
    }

    private var modes: String? {
        guard members["modes"]?.array?.isEmpty == false else {
            return "has no modes, and would be shown with six that it does not have: name its own, such as 'off' and "
                + "'heat'"
        }
        return presets(without: "none")
    }

    private var humidity: String? {
        guard let least = members["min_humidity"]?.double, let most = members["max_humidity"]?.double,
            least < 0 || most > 100 || least == most
        else { return nil }
        return "aims at a humidity of \(least) to \(most) %: let that be between 0 and 100, and more than one"
    }

    /// - Parameter word: what Home Assistant itself calls it that there is no preset.
    private func presets(without word: String) -> String? {
        guard members["preset_modes"]?.array?.contains(.string(word)) == true else { return nil }
        return
            "has a preset '\(word)', which is Home Assistant's word for no preset: leave it out, or call it otherwise"
    }
}
