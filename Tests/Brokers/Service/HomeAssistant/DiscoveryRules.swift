import Martlet

/// What Home Assistant's documentation demands of documents of discovery, as of 2026 (home-assistant.io/integrations/mqtt and the
/// pages of the kinds of entities).
enum DiscoveryRules {
    /// What a kind of entity has besides what all have.
    private struct Kind {
        var required: Set<String> = []
        var optional: Set<String> = []
    }

    private static let common: Set<String> = [
        "availability", "availability_mode", "availability_template", "availability_topic", "default_entity_id",
        "enabled_by_default", "encoding", "entity_category", "entity_picture", "icon", "json_attributes_template",
        "json_attributes_topic", "name", "payload_available", "payload_not_available", "qos",
    ]
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
            optional: ["command_template", "max", "min", "mode", "pattern", "retain", "state_topic", "value_template"]
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
            optional: stated.union([
                "command_topic", "display_precision", "latest_version_template", "latest_version_topic",
                "payload_install",
                "release_summary", "release_url", "retain", "title",
            ])
        ),
        "lock": Kind(
            required: ["command_topic"],
            optional: commanded.union([
                "code_format", "payload_lock", "payload_open", "payload_reset", "payload_unlock", "state_jammed",
                "state_locked", "state_locking", "state_topic", "state_unlocked", "state_unlocking", "value_template",
            ])
        ),
        "valve": Kind(
            optional: stated.union(commanded).union([
                "command_topic", "payload_close", "payload_open", "payload_stop", "position_closed", "position_open",
                "reports_position", "state_closed", "state_closing", "state_open", "state_opening",
            ])
        ),
        "cover": Kind(
            optional: stated.union(commanded).union([
                "command_topic", "payload_close", "payload_open", "payload_stop", "position_closed", "position_open",
                "position_template", "position_topic", "retain",
                "set_position_template", "set_position_topic", "state_closed", "state_closing", "state_open",
                "state_opening", "state_stopped", "state_topic", "tilt_command_topic", "tilt_status_topic",
                "value_template",
            ])
        ),
        "fan": Kind(
            required: ["command_topic"],
            optional: commanded.union([
                "direction_command_topic", "direction_state_topic", "oscillation_command_topic",
                "oscillation_state_topic", "payload_off", "payload_on", "percentage_command_topic",
                "percentage_state_topic", "preset_mode_command_topic", "preset_mode_state_topic", "preset_modes",
                "speed_range_max", "speed_range_min", "state_topic", "state_value_template",
            ])
        ),
        "light": Kind(
            required: ["command_topic", "schema"],
            optional: [
                "brightness", "brightness_scale", "color_temp_kelvin", "effect", "effect_list", "flash", "max_kelvin",
                "min_kelvin", "optimistic", "retain", "state_topic", "supported_color_modes", "transition",
            ]
        ),
        "climate": Kind(
            optional: Set(
                [
                    "current_humidity", "current_temperature", "action", "fan_mode_command", "fan_mode_state",
                    "mode_command", "mode_state", "power_command", "preset_mode_command", "preset_mode_state",
                    "swing_mode_command", "swing_mode_state", "target_humidity_command", "target_humidity_state",
                    "temperature_command", "temperature_state", "temperature_high_command", "temperature_high_state",
                    "temperature_low_command", "temperature_low_state",
                ].flatMap { [$0 + "_topic", $0 + "_template"] }
            ).union([
                "fan_modes", "initial", "max_humidity", "max_temp", "min_humidity", "min_temp", "modes", "optimistic",
                "payload_off", "payload_on", "precision", "preset_modes", "retain", "swing_modes", "temp_step",
                "temperature_unit",
            ])
        ),
        "device_automation": Kind(required: ["automation_type", "subtype", "topic", "type"], optional: ["payload"]),
    ]

    /// What is wrong with a document.
    static func complaints(of topic: String, _ document: Martlet.JSON) -> [String] {
        let parts = topic.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 4, parts.last == "config", parts.suffix(3).dropLast().allSatisfy(isName) else {
            return ["\(topic) is no topic of discovery"]
        }
        let kind = parts[parts.count - 3]
        guard kind == "device" else { return complaints(of: document, kind: kind, isOwn: true) }
        var found: [String] = []
        let members = document.object ?? [:]
        found += Set(members.keys).subtracting([
            "device", "origin", "components", "availability", "availability_mode", "qos",
        ])
        .map { "a document has no \($0)" }
        if document["origin", "name"]?.string?.isEmpty != false { found.append("the origin has no name") }
        let device = members["device"] ?? .null
        if device["identifiers"]?.array?.isEmpty != false, device["connections"]?.array?.isEmpty != false {
            found.append("nothing identifies the device")
        }
        for connection in device["connections"]?.array ?? [] where connection.array?.count != 2 {
            found.append("a connection is a pair")
        }
        for availability in members["availability"]?.array ?? [] where !isTopic(availability["topic"]) {
            found.append("an availability has no topic")
        }
        let components = members["components"]?.object ?? [:]
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

    private static func complaints(of entity: Martlet.JSON, kind: String, isOwn: Bool) -> [String] {
        guard let rule = kinds[kind] else { return ["there is no kind '\(kind)'"] }
        let members = entity.object ?? [:]
        var found: [String] = []
        let isTrigger = kind == "device_automation"
        var required = rule.required.union(isTrigger ? [] : ["unique_id"])
        if !isOwn { required.insert("platform") }
        var allowed = rule.required.union(rule.optional).union(["platform", "unique_id"])
        allowed.formUnion(isTrigger ? ["qos", "value_template"] : common)
        if isOwn { allowed.formUnion(["device", "origin"]) }
        found += required.subtracting(members.keys).map { "\($0) is missing" }
        found += Set(members.keys).subtracting(allowed).map { "a \(kind) has no \($0)" }
        for (key, value) in members where key.hasSuffix("topic") && !isTopic(value) {
            found.append("\(key) is no topic")
        }
        switch kind {
        case "image":
            if (members["image_topic"] == nil) == (members["url_topic"] == nil) { found.append("one of two topics") }
        case "light":
            if members["schema"] != "json" { found.append("another schema has other keys") }
            let modes = members["supported_color_modes"]?.array ?? []
            let alone: [Martlet.JSON] = ["onoff", "brightness"]
            if modes.count != 1, modes.contains(where: alone.contains) { found.append("modes that stand alone") }
        case "valve":
            if members["reports_position"] == true, members["payload_open"] != nil || members["state_open"] != nil {
                found.append("a valve with a position has no such states")
            }
        case "sensor":
            if members["options"] != nil, members["device_class"] != "enum" || members["unit_of_measurement"] != nil {
                found.append("only words are options")
            }
        case "number":
            if let low = members["min"]?.double, let high = members["max"]?.double, low >= high {
                found.append("min, max")
            }
        default: break
        }
        if let id = members["default_entity_id"]?.string, !id.hasPrefix(kind + ".") {
            found.append("an ID of another kind")
        }
        if let category = members["entity_category"], !["config", "diagnostic"].contains(category.string) {
            found.append("no category")
        }
        return found
    }

    private static func isTopic(_ value: Martlet.JSON?) -> Bool {
        guard let text = value?.string else { return false }
        return !text.isEmpty && !text.contains { "+#".contains($0) }
    }

    private static func isName(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-".utf8.contains($0)
            }
    }
}
