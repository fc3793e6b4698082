import ArgumentParser
import Foundation
import IntegrationSupport
import Martlet
import MartletRelay
import MartletSettings
import Testing

@testable import MartletCommand

/// The ends of a relay that are servers of the web, as a file or a URL says them.
@Suite("The ends of a relay", .timeLimit(.minutes(10)))
struct RelayEndTests {
    private func settings(_ yaml: String) throws -> BridgeSettings { try BridgeSettings(yaml: yaml, in: "/site") }

    private func problem(_ yaml: String) -> String {
        do {
            let settings = try settings(yaml)
            _ = try PlannedWay.list(for: settings, ConnectionArguments.parse([]))
            return ""
        } catch let error as SettingsError {
            return "\(error.place.map { "\($0.line):\($0.column): " } ?? "")\(error.message)"
        } catch {
            return "\(error)"
        }
    }

    @Test("are read from mulay's form: Slack is a source where nothing else is")
    func readsSlackSections() throws {
        let relay = try settings("carbon: {host: g, port: 2023}\nslack: {token: xoxb-1, channel: my-metrics}\n")
        let slack = SlackOptions(token: "xoxb-1", channel: "my-metrics")
        #expect(relay.from.address == .source(.slack(slack, positions: nil)))
        #expect(relay.routes.map(\.kind) == [.topics("#", as: "{topic}", .forth)])
        let other = try settings("mqtt: {host: m}\nslack: {token: xoxb-1, channel: my-metrics}\n")
        #expect(other.to.address == .sink(.slack(slack)))
        #expect(problem("slack: {token: a, channel: b}\nevents: {url: 'https://a'}\nconsole:").contains("one section"))
    }

    @Test("are read from the long form, with all that they have")
    func readsTables() throws {
        let relay = try settings(
            """
            name: news
            from: {events: {url: "https://h/e", headers: {Authorization: Bearer x}, reconnection-time: 1s, timeout: 9s,
                            event-limit: 64KiB, positions: p.json, tls: {verify: none}}}
            to: {webhook: {url: "https://hook/s3sam3", secret: whsec_c2VjcmV0, headers: {x-a: b}}}
            report: {every: 5s, as: my.relay}
            routes: [{topic: "#"}]
            """
        )
        var events = EventSourceOptions()
        events.headers = ["authorization": "Bearer x"]
        events.reconnectionTime = .seconds(1)
        events.web.timeout = .seconds(9)
        events.web.tls.verification = .none
        events.maximumEventBytes = 64 << 10
        #expect(relay.from.address == .source(.events("https://h/e", events, positions: "/site/p.json")))
        let hook = WebhookOptions(headers: ["x-a": "b"], secrets: ["whsec_c2VjcmV0"])
        #expect(relay.to.address == .sink(.webhook("https://hook/s3sam3", hook)))
        #expect(relay.routes.first?.options.isDurable == true)
        #expect(relay.report?.topic == "my.relay")
        #expect(relay.report?.interval == .seconds(5))
        let ways = try PlannedWay.list(for: relay, ConnectionArguments.parse([]))
        #expect(ways.map(\.guarantee) == ["at least once"])
        #expect(ways[0].source == "sse+https://h/…")
        #expect(ways[0].sink == "https://hook/…")

        let served = try settings(
            """
            from: mqtt://m
            to: {events: {listen: "[::1]:0", path: /x, token: t, events: 5, limit: 4KiB, clients: 2, heartbeat: 1s}}
            routes: [{topic: a}]
            """
        )
        let options = EventSinkOptions(
            host: "::1",
            port: 0,
            path: "/x",
            token: "t",
            maximumEvents: 5,
            maximumBytes: 4_096,
            maximumClients: 2,
            heartbeat: .seconds(1)
        )
        #expect(served.to.address == .sink(.events(options)))
    }

    @Test("are read from URLs")
    func readsURLs() throws {
        #expect(try EndAddress(url: "https://h/x", on: .to) == .sink(.webhook("https://h/x", WebhookOptions())))
        let hook: Secret = "https://hooks.slack.com/services/a/b/c"
        #expect(try EndAddress(url: hook.value, on: .to) == .sink(.slackHook(hook, WebOptions(), nil)))
        let events = EndAddress.source(.events("http://h/e", EventSourceOptions(), positions: nil))
        #expect(try EndAddress(url: "sse+http://h/e", on: .from) == events)
        for (url, side) in [("sse+https://h", BridgeSide.to), ("https://h", .from), ("https://", .to), ("slack:", .to)]
        {
            #expect(throws: MessagingError.self) { try EndAddress(url: url, on: side) }
        }
        #expect(try EndAddress(url: "mqtt://h", on: .from) == nil)
    }

    @Test("show none of their secrets")
    func showsNoSecrets() throws {
        let relay = try settings(
            """
            from: {events: {url: "https://h/s3cret1", headers: {authorization: s3cret2}}}
            to: {webhook: {url: "https://hook/s3cret3", secret: s3cret4}}
            routes: [{topic: "#"}]
            """
        )
        #expect(!"\(relay)".contains("s3cret"))
        #expect(!"\(relay.from.address) \(relay.to.address)".contains("s3cret"))
        var dumped = ""
        dump(relay, to: &dumped)
        #expect(!dumped.contains("s3cret"))
    }

    @Test(
        "are refused where they can't be, and it is said where",
        arguments: [
            (
                "from: {carbon: {host: a}}\nto: mqtt://a\nroutes: [{topic: a}]",
                "1:7: carbon://a:2003 only takes messages"
            ),
            ("from: mqtt://a\nto: sse+https://h/x\nroutes: [{topic: a}]", "2:5: sse+https://h/… only gives messages"),
            ("from: sse+https://h/x\nto: mqtt://a\nroutes: [{queue: a}]", "is only read"),
            ("from: sse+https://h/x\nto: mqtt://a\nroutes: [{topic: a, direction: back}]", "is only read"),
            (
                "from: sse+https://h/x\nto: 'console:'\nroutes: [{topic: a, dead-letters: d}]",
                "its dead letters go to a queue, of which console: has none"
            ),
            ("from: {slack: {token: a}}\nto: mqtt://a\nroutes: [{topic: a}]", "the key channel is missing"),
            ("from: {slack: {channel: a}}\nto: mqtt://a\nroutes: [{topic: a}]", "token-file"),
            (
                "from: {events: {url: 'https://h', positions: p}}\nto: mqtt://a\nroutes: [{topic: a}]",
                "the bridge has no name"
            ),
            ("from: {events: {url: 'ftp://h'}}\nto: mqtt://a\nroutes: [{topic: a}]", "does not begin with https://"),
            (
                "from: {events: {url: 'https://h', tls: {server-name: x}}}\nto: mqtt://a\nroutes: [{topic: a}]",
                "1:16: another name of the server (servername) can't be given"
            ),
            ("from: mqtt://a\nto: {webhook: {url: 'https://h', secret: 'whsec_?'}}\nroutes: [{topic: a}]", "Base64"),
            ("from: mqtt://a\nto: {events: {listen: 8080}}\nroutes: [{topic: a}]", "127.0.0.1:8080"),
            ("from: mqtt://a\nto: mqtt://b\nreport: {as: ''}\nroutes: [{topic: a}]", "3:"),
        ]
    )
    func refuses(yaml: String, reason: String) {
        #expect(problem(yaml).contains(reason), "\(problem(yaml))")
    }

    @Test("have their own figures told as lines")
    func tellsFigures() throws {
        let relay = try settings("from: mqtt://a\nto: mqtt://b\nreport: {}\nroutes: [{topic: a}]")
        #expect(relay.report?.topic == "martlet.relay")
        let plan = try #require(PlannedWay.list(for: relay, ConnectionArguments.parse([])).first?.plan)
        #expect(plan.name == "a → {topic}")
    }
}
