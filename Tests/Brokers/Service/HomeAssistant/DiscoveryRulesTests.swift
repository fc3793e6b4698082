import Martlet
import Testing

/// The rules by which documents are judged, judged themselves: by what Home Assistant 2026.11 takes and leaves out.
@Suite("The rules of discovery")
struct DiscoveryRulesTests {
    private static let own: [String: Martlet.JSON] = ["unique_id": "a", "platform": "x"]

    private func complaints(_ kind: String, _ members: Martlet.JSON) -> [String] {
        let content = (members.object ?? [:]).merging(Self.own) { own, _ in own }
        return DiscoveryRules.complaints(of: "homeassistant/\(kind)/a/config", .object(content)).sorted()
    }

    static let taken: [(kind: String, members: Martlet.JSON)] = [
        ("sensor", ["state_topic": "a", "entity_category": "diagnostic", "visible_by_default": false]),
        ("sensor", ["state_topic": "a", "state_class": "total", "last_reset_value_template": "a", "group": ["a"]]),
        ("text", ["command_topic": "a", "optimistic": true, "max": 255, "message_expiry_interval": 5]),
        ("number", ["command_topic": "a", "min": 3, "max": 3, "step": 0.001]),
        ("lock", ["command_topic": "a", "state_open": "a", "state_opening": "b"]),
        (
            "cover",
            [
                "tilt_command_topic": "a", "tilt_command_template": "a", "tilt_status_topic": "a",
                "tilt_status_template": "a", "tilt_min": 0, "tilt_max": 9, "tilt_opened_value": 1,
                "tilt_closed_value": 2, "tilt_optimistic": true, "payload_stop_tilt": "a",
            ]
        ),
        (
            "fan",
            [
                "command_topic": "a", "direction_command_template": "a", "direction_value_template": "a",
                "oscillation_command_template": "a", "oscillation_value_template": "a",
                "percentage_command_template": "a", "percentage_value_template": "a",
                "preset_mode_command_template": "a", "preset_mode_value_template": "a",
                "payload_oscillation_on": "a", "payload_oscillation_off": "a", "payload_reset_percentage": "a",
                "payload_reset_preset_mode": "a", "preset_modes": ["None"], "preset_mode_command_topic": "a",
            ]
        ),
        (
            "light",
            [
                "schema": "json", "command_topic": "a", "flash_time_short": 1, "flash_time_long": 2, "min_mireds": 150,
                "max_mireds": 500, "white_scale": 100,
            ]
        ),
        (
            "climate",
            [
                "modes": ["off"], "preset_mode_value_template": "a", "swing_horizontal_modes": ["on"],
                "swing_horizontal_mode_command_topic": "a", "swing_horizontal_mode_command_template": "a",
                "swing_horizontal_mode_state_topic": "a", "swing_horizontal_mode_state_template": "a",
                "value_template": "a", "max_humidity": 100,
            ]
        ),
        (
            "device_automation",
            [
                "automation_type": "trigger", "type": "a", "subtype": "b", "topic": "c",
                "device": ["identifiers": ["a"], "model_id": "b"],
            ]
        ),
    ]

    @Test(arguments: taken.indices)
    func `take`(index: Int) {
        let (kind, members) = Self.taken[index]
        #expect(complaints(kind, members) == [])
    }

    static let leftOut: [(kind: String, members: Martlet.JSON, complaint: String)] = [
        ("sensor", ["state_topic": "a", "entity_category": "config"], "a sensor has no category config"),
        ("binary_sensor", ["state_topic": "a", "entity_category": "config"], "a binary_sensor has no category config"),
        ("sensor", ["state_topic": "a", "device_class": "enum", "options": []], "no options"),
        (
            "sensor",
            ["state_topic": "a", "device_class": "enum", "options": ["a"], "state_class": "total"],
            "only words are options"
        ),
        ("sensor", ["state_topic": "a", "last_reset_value_template": "a"], "only a total is reset"),
        ("sensor", ["state_topic": "a", "state_class": "measurement_angle"], "angles are in degrees"),
        ("sensor", ["state_topic": "a\u{7F}"], "state_topic is no topic"),
        ("sensor", ["state_topic": "a", "availability": [["topic": "a", "qos": 1]]], "an availability has no qos"),
        (
            "sensor",
            ["state_topic": "a", "availability_topic": "a", "availability": [["topic": "a"]]],
            "there are two kinds of availability"
        ),
        ("sensor", ["state_topic": "a", "origin": ["name": "a", "url": "b"]], "an origin has no url"),
        ("text", ["command_topic": "a", "max": 256], "a text above 255 characters"),
        ("number", ["command_topic": "a", "step": 0.0001], "a step below 0.001"),
        ("device_tracker", ["source_type": "gps"], "neither of two topics"),
        ("image", ["url_topic": "a", "content_type": "image/png"], "what is at a URL has its own type"),
        ("update", ["command_topic": "a"], "state_topic is missing"),
        ("valve", ["reports_position": true, "payload_close": "a"], "a valve with a position has no such states"),
        ("valve", ["reports_position": true, "state_closed": "a"], "a valve with a position has no such states"),
        ("cover", ["command_template": "a"], "a cover has no command_template"),
        ("cover", ["set_position_topic": "a"], "set_position_topic needs position_topic"),
        ("cover", ["tilt_status_template": "a"], "tilt_status_template needs tilt_status_topic"),
        ("fan", ["command_topic": "a", "preset_modes": ["a"]], "preset_modes needs preset_mode_command_topic"),
        (
            "fan",
            ["command_topic": "a", "preset_modes": ["None"], "preset_mode_command_topic": "a"],
            "a preset that means none"
        ),
        ("climate", ["modes": [], "preset_mode_state_template": "a"], "a climate has no preset_mode_state_template"),
        (
            "climate",
            ["modes": [], "preset_modes": ["none"], "preset_mode_command_topic": "a"],
            "a preset that means none"
        ),
        ("climate", ["modes": [], "max_humidity": 101], "a humidity above 100"),
        (
            "climate",
            ["modes": [], "target_humidity_state_topic": "a"],
            "target_humidity_state_topic needs target_humidity_command_topic"
        ),
        (
            "device_automation",
            ["automation_type": "trigger", "type": "a", "subtype": "b", "topic": "c"],
            "device is missing"
        ),
    ]

    @Test(arguments: leftOut.indices)
    func `leave out`(index: Int) {
        let (kind, members, complaint) = Self.leftOut[index]
        #expect(complaints(kind, members) == [complaint])
    }

    static let device: Martlet.JSON = ["identifiers": ["a"], "model_id": "b", "configuration_url": "https://a"]
    static let origin: Martlet.JSON = ["name": "a", "support_url": "https://a"]
    static let components: Martlet.JSON = ["a": ["platform": "sensor", "state_topic": "a", "unique_id": "a"]]
    static let documents: [(document: Martlet.JSON, complaint: String?)] = [
        (["device": device, "origin": origin, "components": components, "encoding": "utf-8", "state_topic": "a"], nil),
        (
            [
                "device": device, "origin": origin,
                "child_devices": [["identifiers": ["b"], "name": "b", "components": components]],
            ], nil
        ),
        (["device": device, "components": components], "the origin has no name"),
        (["device": device, "origin": origin], "the device has no components"),
        (["device": ["name": "a"], "origin": origin, "components": components], "nothing identifies the device"),
        (
            ["device": ["identifiers": ["a"], "colour": "red"], "origin": origin, "components": components],
            "a device has no colour"
        ),
        (
            [
                "device": ["identifiers": ["a"], "configuration_url": "ftp://a"], "origin": origin,
                "components": components,
            ],
            "a device has no such URL"
        ),
        (["device": device, "origin": ["name": "a", "hw": "b"], "components": components], "an origin has no hw"),
        (
            [
                "device": device, "origin": origin, "components": components,
                "availability": [["topic": "a", "payload": "b"]],
            ], "an availability has no payload"
        ),
        (["device": device, "origin": origin, "components": components, "retain": true], "a document has no retain"),
    ]

    @Test(arguments: documents.indices)
    func `judge whole documents`(index: Int) {
        let (document, complaint) = Self.documents[index]
        let found = DiscoveryRules.complaints(of: "homeassistant/device/a/config", document)
        #expect(found == (complaint.map { [$0] } ?? []))
    }
}
