import Martlet

/// What Home Assistant demands of documents of discovery, as of 2026.11 (home-assistant.io/integrations/mqtt, the pages of the kinds of
/// entities, and what it does where those say nothing).
///
/// Of an entity Home Assistant leaves out keys that it does not know; here they are misspelt. Of a device, an origin and an availability
/// it knows all keys, or takes none of the document.
enum DiscoveryRules {
    /// What a kind of entity has besides what all have.
    private struct Kind {
        var required: Set<String> = []
        var optional: Set<String> = []
        /// Keys that make no sense without another.
        var dependent: [String: String] = [:]
    }

    private static let available: Set<String> = [
        "availability", "availability_mode", "availability_template", "availability_topic", "payload_available",
        "payload_not_available",
    ]
    private static let common = available.union([
        "default_entity_id", "enabled_by_default", "encoding", "entity_category", "entity_picture", "group", "icon",
        "json_attributes_template", "json_attributes_topic", "message_expiry_interval", "name", "qos",
        "visible_by_default",
    ])
    private static let stated: Set<String> = ["device_class", "state_topic", "value_template"]
    private static let commanded: Set<String> = ["command_template", "optimistic", "retain"]

    private static let kinds: [String: Kind] = [
        "sensor": Kind(
            required: ["state_topic"],
            optional: stated.union([
                "expire_after", "force_update", "last_reset_value_template", "options", "state_class",
                "suggested_display_precision", "unit_of_measurement",
            ])
        ),
        "binary_sensor": Kind(
            required: ["state_topic"],
            optional: stated.union(["expire_after", "force_update", "off_delay", "payload_off", "payload_on"])
        ),
        "switch": Kind(
            required: ["command_topic"],
            optional: stated.union(commanded).union(["payload_off", "payload_on", "state_off", "state_on"])
        ),
        "text": Kind(
            required: ["command_topic"],
            optional: commanded.union(["max", "min", "mode", "pattern", "state_topic", "value_template"])
        ),
        "number": Kind(
            required: ["command_topic"],
            optional: stated.union(commanded).union([
                "max", "min", "mode", "payload_reset", "step", "unit_of_measurement",
            ])
        ),
        "select": Kind(
            required: ["command_topic", "options"],
            optional: commanded.union(["state_topic", "value_template"])
        ),
        "button": Kind(
            required: ["command_topic"],
            optional: ["command_template", "device_class", "payload_press", "retain"]
        ),
        "event": Kind(required: ["state_topic", "event_types"], optional: ["device_class", "value_template"]),
        "device_tracker": Kind(
            optional: [
                "payload_home", "payload_not_home", "payload_reset", "source_type", "state_topic", "value_template",
            ]
        ),
        "image": Kind(optional: ["content_type", "image_encoding", "image_topic", "url_template", "url_topic"]),
        "update": Kind(
            required: ["state_topic"],
            optional: stated.union([
                "command_topic", "display_precision", "latest_version_template", "latest_version_topic",
                "payload_install", "release_summary", "release_url", "retain", "title",
            ])
        ),
        "lock": Kind(
            required: ["command_topic"],
            optional: commanded.union([
                "code_format", "payload_lock", "payload_open", "payload_reset", "payload_unlock", "state_jammed",
                "state_locked", "state_locking", "state_open", "state_opening", "state_topic", "state_unlocked",
                "state_unlocking", "value_template",
            ])
        ),
        "valve": Kind(
            optional: stated.union(commanded).union([
                "command_topic", "payload_close", "payload_open", "payload_stop", "position_closed", "position_open",
                "reports_position", "state_closed", "state_closing", "state_open", "state_opening",
            ])
        ),
        "cover": Kind(
            optional: stated.union([
                "command_topic", "optimistic", "payload_close", "payload_open", "payload_stop", "payload_stop_tilt",
                "position_closed", "position_open", "position_template", "position_topic", "retain",
                "set_position_template", "set_position_topic", "state_closed", "state_closing", "state_open",
                "state_opening", "state_stopped", "tilt_closed_value", "tilt_command_template", "tilt_command_topic",
                "tilt_max", "tilt_min", "tilt_opened_value", "tilt_optimistic", "tilt_status_template",
                "tilt_status_topic",
            ]),
            dependent: [
                "set_position_topic": "position_topic", "value_template": "state_topic",
                "position_template": "position_topic", "set_position_template": "set_position_topic",
                "tilt_command_template": "tilt_command_topic", "tilt_status_template": "tilt_status_topic",
            ]
        ),
        "fan": Kind(
            required: ["command_topic"],
            optional: commanded.union(
                ["direction", "oscillation", "percentage", "preset_mode"].flatMap { part in
                    ["command_topic", "command_template", "state_topic", "value_template"].map { "\(part)_\($0)" }
                }
            ).union([
                "payload_off", "payload_on", "payload_oscillation_off", "payload_oscillation_on",
                "payload_reset_percentage", "payload_reset_preset_mode", "preset_modes", "speed_range_max",
                "speed_range_min", "state_topic", "state_value_template",
            ]),
            dependent: ["preset_modes": "preset_mode_command_topic", "preset_mode_command_topic": "preset_modes"]
        ),
        "light": Kind(
            required: ["command_topic", "schema"],
            optional: [
                "brightness", "brightness_scale", "color_temp_kelvin", "effect", "effect_list", "flash",
                "flash_time_long", "flash_time_short", "max_kelvin", "max_mireds", "min_kelvin", "min_mireds",
                "optimistic", "retain", "state_topic", "supported_color_modes", "transition", "white_scale",
            ]
        ),
        "climate": Kind(
            optional: Set(
                [
                    "fan_mode", "mode", "preset_mode", "swing_horizontal_mode", "swing_mode", "target_humidity",
                    "temperature", "temperature_high", "temperature_low",
                ].flatMap { part in
                    ["command_topic", "command_template", "state_topic", "state_template"].map { "\(part)_\($0)" }
                }
            )
            // The one that is called otherwise.
            .subtracting(["preset_mode_state_template"])
            .union([
                "action_template", "action_topic", "current_humidity_template", "current_humidity_topic",
                "current_temperature_template", "current_temperature_topic", "fan_modes", "initial", "max_humidity",
                "max_temp", "min_humidity", "min_temp", "modes", "optimistic", "payload_off", "payload_on",
                "power_command_template", "power_command_topic", "precision", "preset_mode_value_template",
                "preset_modes", "retain", "swing_horizontal_modes", "swing_modes", "temp_step", "temperature_unit",
                "value_template",
            ]),
            dependent: [
                "preset_modes": "preset_mode_command_topic", "preset_mode_command_topic": "preset_modes",
                "target_humidity_state_topic": "target_humidity_command_topic",
            ]
        ),
        "device_automation": Kind(required: ["automation_type", "subtype", "topic", "type"], optional: ["payload"]),
    ]

    // MARK: Documents

    /// What is wrong with a document.
    static func complaints(of topic: String, _ document: Martlet.JSON) -> [String] {
        let parts = topic.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 4, parts.last == "config", parts.suffix(3).dropLast().allSatisfy(isName) else {
            return ["\(topic) is no topic of discovery"]
        }
        let kind = parts[parts.count - 3]
        guard kind == "device" else { return complaints(of: document, kind: kind, isOwn: true) }
        let members = document.object ?? [:]
        var found = unknown(
            members,
            available.union([
                "child_devices", "command_topic", "components", "device", "encoding", "message_expiry_interval",
                "origin", "qos", "state_topic",
            ]),
            "a document"
        )
        found += complaintsOfDevice(members["device"]) + complaintsOfOrigin(members["origin"])
        found += complaintsOfAvailability(members)
        let children = members["child_devices"]?.array ?? []
        for child in children {
            found += unknown(child.object ?? [:], ["components", "identifiers", "name"], "a child device")
        }
        let components = ([document] + children).flatMap { Array($0["components"]?.object ?? [:]) }
        if components.isEmpty { found.append("the device has no components") }
        var ids: Set<String> = []
        for (name, component) in components {
            let platform = component["platform"]?.string ?? ""
            if component.object?.count == 1 {
                // It is to be removed.
                if kinds[platform] == nil { found.append("\(name): no kind") }
                continue
            }
            found += complaints(of: component, kind: platform, isOwn: false).map { "\(name): \($0)" }
            if let id = component["unique_id"]?.string, !ids.insert(id).inserted { found.append("\(id) comes twice") }
        }
        return found
    }

    private static func complaintsOfDevice(_ device: Martlet.JSON?) -> [String] {
        var found = unknown(
            device?.object ?? [:],
            [
                "child_device", "configuration_url", "connections", "hw_version", "identifiers", "manufacturer",
                "model", "model_id", "name", "serial_number", "suggested_area", "sw_version", "via_device",
            ],
            "a device"
        )
        if device?["identifiers"]?.array?.isEmpty != false, device?["connections"]?.array?.isEmpty != false {
            found.append("nothing identifies the device")
        }
        for connection in device?["connections"]?.array ?? [] where connection.array?.count != 2 {
            found.append("a connection is a pair")
        }
        if let url = device?["configuration_url"], !isURL(url, ["http", "https", "homeassistant"]) {
            found.append("a device has no such URL")
        }
        return found
    }

    private static func complaintsOfOrigin(_ origin: Martlet.JSON?) -> [String] {
        var found = unknown(origin?.object ?? [:], ["name", "support_url", "sw_version"], "an origin")
        if origin?["name"]?.string?.isEmpty != false { found.append("the origin has no name") }
        if let url = origin?["support_url"], !isURL(url, ["http", "https", "homeassistant"]) {
            found.append("an origin has no such URL")
        }
        return found
    }

    private static func complaintsOfAvailability(_ members: [String: Martlet.JSON]) -> [String] {
        var found: [String] = []
        if members["availability"] != nil, members["availability_topic"] != nil {
            found.append("there are two kinds of availability")
        }
        for availability in members["availability"]?.array ?? [] {
            found += unknown(
                availability.object ?? [:],
                ["payload_available", "payload_not_available", "topic", "value_template"],
                "an availability"
            )
            if !isTopic(availability["topic"]) { found.append("an availability has no topic") }
        }
        return found
    }

    // MARK: Entities

    private static func complaints(of entity: Martlet.JSON, kind: String, isOwn: Bool) -> [String] {
        guard let rule = kinds[kind] else { return ["there is no kind '\(kind)'"] }
        let members = entity.object ?? [:]
        let isTrigger = kind == "device_automation"
        var required = rule.required.union(isTrigger ? [] : ["unique_id"])
        if !isOwn { required.insert("platform") }
        if isOwn, isTrigger { required.insert("device") }
        var allowed = rule.required.union(rule.optional).union(["platform", "unique_id"])
        allowed.formUnion(isTrigger ? ["encoding", "group", "qos", "value_template"] : common)
        if isOwn { allowed.formUnion(["device", "origin"]) }
        var found = required.subtracting(members.keys).map { "\($0) is missing" }
        found += unknown(members, allowed, "a \(kind)")
        for (key, other) in rule.dependent where members[key] != nil && members[other] == nil {
            found.append("\(key) needs \(other)")
        }
        for (key, value) in members where key.hasSuffix("topic") && !isTopic(value) {
            found.append("\(key) is no topic")
        }
        if members["device"] != nil { found += complaintsOfDevice(members["device"]) }
        if members["origin"] != nil { found += complaintsOfOrigin(members["origin"]) }
        found += complaintsOfAvailability(members)
        if let id = members["default_entity_id"]?.string, !id.hasPrefix(kind + ".") {
            found.append("an ID of another kind")
        }
        if let icon = members["icon"]?.string, !icon.contains(":") { found.append("an icon of no set") }
        for key in ["device_class", "state_class"] where members[key] == "" { found.append("an empty \(key)") }
        let categories = kind.hasSuffix("sensor") ? ["diagnostic"] : ["config", "diagnostic"]
        if let category = members["entity_category"]?.string, !categories.contains(category) {
            found.append("a \(kind) has no category \(category)")
        }
        return found + complaints(of: members, kind)
    }

    /// What follows from several keys of a kind, and from their values.
    private static func complaints(of members: [String: Martlet.JSON], _ kind: String) -> [String] {
        func number(_ key: String, _ usual: Double) -> Double { members[key]?.double ?? usual }
        let presets = members["preset_modes"]?.array ?? []
        let rules: [(isBroken: Bool, complaint: String)] =
            switch kind {
            case "image":
                [
                    ((members["image_topic"] == nil) == (members["url_topic"] == nil), "one of two topics"),
                    (
                        members["content_type"] != nil && members["url_topic"] != nil,
                        "what is at a URL has its own type"
                    ),
                ]
            case "light":
                [
                    (members["schema"] != "json", "another schema has other keys"),
                    (hasMixedModes(members["supported_color_modes"]?.array ?? []), "modes that stand alone"),
                ]
            case "valve":
                [
                    (
                        members["reports_position"] == true
                            && ["payload_open", "payload_close", "state_open", "state_closed"]
                                .contains { members[$0] != nil },
                        "a valve with a position has no such states"
                    )
                ]
            case "sensor":
                [
                    (
                        members["options"] != nil
                            && (members["device_class"] != "enum" || members["unit_of_measurement"] != nil
                                || members["state_class"] != nil),
                        "only words are options"
                    ),
                    (members["options"]?.array?.isEmpty == true, "no options"),
                    (
                        members["last_reset_value_template"] != nil && members["state_class"] != "total",
                        "only a total is reset"
                    ),
                    (
                        members["state_class"] == "measurement_angle" && members["unit_of_measurement"] != "°",
                        "angles are in degrees"
                    ),
                    (number("suggested_display_precision", 0) < 0, "a precision below 0"),
                ]
            case "number":
                [
                    (number("min", 1) > number("max", 100), "a range without numbers"),
                    (number("step", 1) < 0.001, "a step below 0.001"),
                ]
            case "text":
                [
                    (number("min", 0) > number("max", 255) || number("min", 0) < 0, "a length that no text has"),
                    (number("max", 255) > 255, "a text above 255 characters"),
                ]
            case "device_tracker":
                [(members["state_topic"] == nil && members["json_attributes_topic"] == nil, "neither of two topics")]
            case "fan":
                [
                    (presets.contains(members["payload_reset_preset_mode"] ?? "None"), "a preset that means none"),
                    (
                        number("speed_range_min", 1) < 1
                            || number("speed_range_min", 1) >= number("speed_range_max", 100), "a range without speeds"
                    ),
                ]
            case "climate":
                [
                    (presets.contains("none"), "a preset that means none"),
                    (number("min_humidity", 30) >= number("max_humidity", 99), "a range without humidities"),
                    (number("max_humidity", 99) > 100, "a humidity above 100"),
                    // Home Assistant takes it, and shows six modes.
                    (members["modes"] == nil, "modes are missing"),
                ]
            default: []
            }
        return rules.filter(\.isBroken).map(\.complaint)
    }

    private static func hasMixedModes(_ modes: [Martlet.JSON]) -> Bool {
        let alone: [Martlet.JSON] = ["onoff", "brightness"]
        return modes.count != 1 && modes.contains(where: alone.contains)
    }

    // MARK: Parts

    private static func unknown(_ members: [String: Martlet.JSON], _ known: Set<String>, _ what: String) -> [String] {
        Set(members.keys).subtracting(known).map { "\(what) has no \($0)" }
    }

    private static func isTopic(_ value: Martlet.JSON?) -> Bool {
        guard let text = value?.string else { return false }
        return !text.isEmpty
            && !text.unicodeScalars.contains {
                "+#".unicodeScalars.contains($0) || $0.value < 0x20 || (0x7F...0x9F).contains($0.value)
                    || (0xFDD0...0xFDEF).contains($0.value) || $0.value & 0xFFFE == 0xFFFE
            }
    }

    private static func isURL(_ value: Martlet.JSON, _ schemes: [String]) -> Bool {
        let parts = value.string?.split(separator: "://", maxSplits: 1) ?? []
        return parts.count == 2 && schemes.contains(String(parts[0]))
    }

    private static func isName(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-".utf8.contains($0)
            }
    }
}
