import Martlet
import MartletRelay
import MartletTesting
import Testing

/// Messages of JSON become lines of Carbon's.
@Suite struct MetricMappingTests {
    private func lines(
        _ body: String,
        on topic: TopicName = "zigbee2mqtt.kitchen",
        by pattern: TopicPattern = "zigbee2mqtt.*",
        _ mapping: MetricMapping
    ) throws -> [String]? {
        let message = try mapping.message(for: Message(body), on: topic, matching: pattern, at: 1_700_000_000)
        return message?.text?.split(separator: "\n").map(String.init)
    }

    @Test func namedFieldsBecomeMetrics() throws {
        let mapping = try MetricMapping(
            name: "zigbee.{1}.{field}",
            fields: ["temperature", "humidity", "update.installed"]
        )
        let body = #"{"temperature": 21.5, "humidity": "40", "update": {"installed": 7}, "linkquality": 90}"#
        #expect(
            try lines(body, mapping) == [
                "zigbee.kitchen.temperature 21.5 1700000000", "zigbee.kitchen.humidity 40 1700000000",
                "zigbee.kitchen.update.installed 7 1700000000",
            ]
        )
        #expect(try lines(#"{"temperature": null, "humidity": "damp"}"#, mapping) == nil)
        #expect(try lines("21.5", mapping) == nil)
    }

    @Test func withoutNamesAllNumbersDo() throws {
        let mapping = try MetricMapping()
        let body = #"{"b": true, "a": {"x": -3, "y": [1, "text", 2.5]}, "text": "12", "none": null}"#
        #expect(
            try lines(body, mapping) == [
                "zigbee2mqtt.kitchen.a.x -3 1700000000", "zigbee2mqtt.kitchen.a.y.0 1 1700000000",
                "zigbee2mqtt.kitchen.a.y.2 2.5 1700000000", "zigbee2mqtt.kitchen.b 1 1700000000",
            ]
        )
        // A number alone has no field, and its segment is left out.
        #expect(try lines("18446744073709551615", mapping) == ["zigbee2mqtt.kitchen 18446744073709551615 1700000000"])
        #expect(try lines("{}", mapping) == nil)
    }

    @Test func tagsAreMadeAsNamesAre() throws {
        let mapping = try MetricMapping(
            name: "{field}",
            fields: ["t"],
            tags: ["site": "berlin", "device": "{1}", "rest": "{rest}", "a": "x"]
        )
        #expect(
            try lines(#"{"t": 1}"#, on: "m.lamp.a.b", by: "m.*.#", mapping) == [
                "t;a=x;device=lamp;rest=a.b;site=berlin 1 1700000000"
            ]
        )
        #expect(
            try lines(#"{"t": 1}"#, on: "m.lamp", by: "m.*.#", mapping) == [
                "t;a=x;device=lamp;site=berlin 1 1700000000"
            ]
        )
    }

    @Test func whatCarbonCantTakeIsReplaced() throws {
        let mapping = try MetricMapping(name: "{1}.{field}")
        let topic = TopicName(segments: ["zigbee2mqtt", "Küche oben/links.rechts;~\u{7}"])
        #expect(
            try lines(#"{"a b": 1, "c;d": 2, "": 3}"#, on: topic, mapping) == [
                "Küche_oben_links_rechts___ 3 1700000000", "Küche_oben_links_rechts___.a_b 1 1700000000",
                "Küche_oben_links_rechts___.c_d 2 1700000000",
            ]
        )
    }

    @Test func theMessagesOwnTimeCounts() async throws {
        let mapping = try MetricMapping(name: "x.{field}", fields: ["v"], time: "meta.at")
        #expect(try lines(#"{"v": 1, "meta": {"at": 1600000000}}"#, mapping) == ["x.v 1 1600000000"])
        #expect(try lines(#"{"v": 1, "meta": {"at": 1600000000123}}"#, mapping) == ["x.v 1 1600000000"])
        for wrong in [
            #"{"v": 1}"#, #"{"v": 1, "meta": {"at": "noon"}}"#, #"{"v": 1, "meta": {"at": -5}}"#, "{", "", "ÿ",
        ] {
            #expect(await errorCode { _ = try lines(wrong, mapping) } == .decodingFailed, "\(wrong)")
        }
    }

    /// The type of the body is that of the message before.
    @Test func whatComesOutIsPlainText() throws {
        var headers = Headers()
        headers.contentType = "application/json"
        headers["site"] = "berlin"
        let message = Message(Array(#"{"a": 1}"#.utf8), headers: headers)
        let made = try MetricMapping().message(for: message, on: "t", matching: "t", at: 5)
        #expect(made?.headers.contentType == nil)
        #expect(made?.headers["site"] == "berlin")
        #expect(made?.text == "t.a 1 5\n")
    }

    @Test(arguments: [
        ("", ["a"]), ("a b.{field}", []), ("{", ["a"]), ("{0}.{field}", []), ("{colour}", ["a"]), ("fixed", []),
        ("fixed", ["a", "b"]), ("{field}", ["a..b"]), ("{field};x=1", []),
    ])
    func whatCantBeANameIsRefused(name: String, fields: [String]) async {
        #expect(await errorCode { _ = try MetricMapping(name: name, fields: fields) } == .invalidArgument)
    }

    @Test func whatTheFilterDoesNotGiveIsRefused() async throws {
        let mapping = try MetricMapping(name: "{2}.{rest}.{field}")
        try mapping.validate(for: "*.*.#")
        #expect(await errorCode { try mapping.validate(for: "*.#") } == .invalidArgument)
        #expect(await errorCode { try mapping.validate(for: "*.*") } == .invalidArgument)
        #expect(await errorCode { _ = try MetricMapping(tags: ["a b": "x"]) } == .invalidArgument)
        #expect(await errorCode { _ = try MetricMapping(tags: ["a": "{x}"]) } == .invalidArgument)
    }
}
