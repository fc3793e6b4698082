import Martlet
import MartletBrokers
import MartletRelay
import MartletSettings
import Testing

@testable import MartletCommand

@Suite("A relay's file", .timeLimit(.minutes(10)))
struct RelaySettingsTests {
    private func problem(_ yaml: String) throws -> String {
        do {
            _ = try BridgeSettings(yaml: yaml, in: "/site")
            return ""
        } catch {
            return "\(error.place.map { "\($0.line):\($0.column): " } ?? "")\(error.message)"
        }
    }

    @Test("of two sections, as mulay has them, says all there is to say")
    func readsSections() throws {
        let mqtt = try BridgeSettings(
            yaml: """
                carbon:
                  host: my.graphitedb.home.net
                  port: 2023
                mqtt:
                  host: m16.cloudmqtt.com
                  port: 20996
                  user: me
                  password: "s3/cret"
                """
        )
        #expect(mqtt.from.address == .broker(.mqtt("mqtt://me:s3%2Fcret@m16.cloudmqtt.com:20996")))
        #expect(mqtt.to.address == .sink(.carbon(host: "my.graphitedb.home.net", port: 2023, CarbonOptions())))
        #expect(mqtt.routes.map(\.kind) == [.topics("mulay", as: "{topic}", .forth)])
        #expect(mqtt.routes.first?.options.retain == RetainPolicy.none)

        let amqp = try BridgeSettings(
            yaml: """
                carbon: {host: graphite}
                amqp: {url: "amqp://u:p@host/instance", queue: my-metrics}
                """
        )
        #expect(amqp.from.address == .broker(.amqp("amqp://u:p@host/instance?queue_type=transient")))
        // Carbon is where mulay looks for it, unless told.
        #expect(amqp.to.address == .sink(.carbon(host: "graphite", port: 2023, CarbonOptions())))
        #expect(amqp.routes.map(\.kind) == [.queueToTopics("my-metrics", as: "my-metrics")])

        let plain = try BridgeSettings(yaml: "mqtt: {host: \"::1\", topic: a/b, user: '', password: ''}\nconsole:")
        #expect(plain.from.address == .broker(.mqtt("mqtt://[::1]:1883")))
        #expect(plain.to.address == .sink(.console(.body)))
        #expect(plain.routes.map(\.kind) == [.topics(TopicPattern(mqtt: "a/b"), as: "{topic}", .forth)])
    }

    @Test("of the long form has sinks for an end, and routes that make metrics")
    func readsLongForm() throws {
        let settings = try BridgeSettings(
            yaml: """
                name: berlin
                from: mqtt://m
                to: {carbon: {host: g, prefix: home, confirm: written, timeout: 5s, connect-timeout: 2s}}
                routes:
                  - topic: zigbee2mqtt/+
                    metrics: {name: "zigbee.{1}.{field}", fields: [temperature, update.state], tags: {site: berlin}, time: at}
                  - {topic: raw, retain: kept}
                """
        )
        let options = CarbonOptions(
            prefix: "home",
            confirm: .written,
            connectTimeout: .seconds(2),
            timeout: .seconds(5)
        )
        #expect(settings.to.address == .sink(.carbon(host: "g", port: 2003, options)))
        let metrics = try MetricMapping(
            name: "zigbee.{1}.{field}",
            fields: ["temperature", "update.state"],
            tags: ["site": "berlin"],
            time: "at"
        )
        #expect(settings.routes[0].metrics == metrics)
        #expect(settings.routes.map(\.options.retain) == [RetainPolicy.none, .kept])
        let file = try BridgeSettings(
            yaml: """
                from: mqtt://m
                to: {file: {path: log, format: json, sync: always, limit: 1MiB}}
                routes: [{topic: "#"}]
                """,
            in: "/site"
        )
        let expected = FileOptions(format: .json, isSynced: true, maximumBytes: 1 << 20)
        #expect(file.to.address == .sink(.file("/site/log", expected)))
        #expect(file.routes[0].options.retain == .kept)
    }

    @Test("URLs of sinks")
    func readsURLs() throws {
        #expect(try SinkAddress(url: "carbon://[::1]") == .carbon(host: "::1", port: 2003, CarbonOptions()))
        #expect(
            try SinkAddress(url: "carbon://g:2023?prefix=a.b&confirm=written")
                == .carbon(host: "g", port: 2023, CarbonOptions(prefix: "a.b", confirm: .written))
        )
        #expect(try SinkAddress(url: "file:/a/b?format=json") == .file("/a/b", FileOptions(format: .json)))
        #expect(try SinkAddress(url: "file:///a") == .file("/a", FileOptions()))
        #expect(try SinkAddress(url: "file:b") == .file("b", FileOptions()))
        #expect(try SinkAddress(url: "console:") == .console(.body))
        #expect(try SinkAddress(url: "mqtt://h") == nil)
        #expect(try SinkAddress(url: "console") == nil)
        for wrong in [
            "carbon://", "carbon://a,b", "carbon://a?confirm=maybe", "carbon://a?colour=red", "file:", "file:///",
            "file:/a?format=xml", "file:/a?x", "console:/a", "console:?format=", "carbon://a:99999",
        ] {
            #expect(throws: MessagingError.self, "\(wrong)") { try SinkAddress(url: wrong) }
        }
    }

    @Test(
        "says where what is wrong",
        arguments: [
            ("carbon: {host: g}\nmqtt: {host: h}\namqp: {url: amqp://a}", "1:1: a relay has one section"),
            ("carbon: {port: 1}\nmqtt: {host: h}", "1:9: the key host is missing"),
            ("carbon: {host: g, colour: red}\nmqtt: {host: h}", "1:19: "),
            ("carbon: {host: g}\nmqtt: {topic: t}", "2:7: the key host is missing"),
            ("carbon: {host: g}\namqp: {url: mqtt://h}", "2:13: it is no URL of an AMQP broker"),
            ("carbon: {host: g, port: 70000}\nmqtt: {host: h}", "1:25: "),
            ("from: \"console:\"\nto: mqtt://h\nroutes: [{topic: a}]", "1:7: console: only takes messages"),
            ("from: mqtt://h\nto: carbon://\nroutes: [{topic: a}]", "2:5: "),
            ("from: mqtt://h\nto: {carbon: {host: g}, url: x}\nroutes: [{topic: a}]", "2:25: "),
            (
                "from: mqtt://h\nto: {carbon: {host: g}}\nroutes: [{topic: a.*, metrics: {name: 'x.{2}.{field}'}}]",
                "3:32: \"x.{2}.{field}\" asks for {2}"
            ),
            (
                "from: mqtt://h\nto: {carbon: {host: g}}\nroutes: [{topic: a, metrics: {name: x}}]",
                "3:30: the name of a metric \"x\" has no {field}"
            ),
        ]
    )
    func namesPlaces(yaml: String, expected: String) throws {
        let problem = try problem(yaml)
        #expect(problem.hasPrefix(expected), "\(problem)")
    }
}
