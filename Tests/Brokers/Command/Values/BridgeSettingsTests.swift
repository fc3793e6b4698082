import ArgumentParser
import IntegrationSupport
import Martlet
import MartletBrokers
import MartletConsole
import MartletSettings
import Testing

@testable import MartletCommand

@Suite("A bridge's file", .timeLimit(.minutes(10)))
struct BridgeSettingsTests {
    private static let ends = "from: mqtt://a\nto: amqp://b\n"

    /// The route of a file that has one.
    private func route(_ text: String) throws -> RouteSettings {
        let lines = text.split(separator: "\n").map { "    \($0)\n" }.joined()
        let settings = try BridgeSettings(yaml: Self.ends + "routes:\n  -\n" + lines, in: "/site")
        return try #require(settings.routes.first)
    }

    @Test("says all that a bridge can be told")
    func readsBridge() throws {
        let folder = try TemporaryFolder("bridge")
        defer { folder.remove() }
        try folder.write("s3cret/\n", to: "password")
        let settings = try BridgeSettings(
            yaml: """
                name: berlin
                from: {url: "mqtt://me@a?keepalive=30s", name: edge, client: bridge-1, password-file: password}
                to:
                  url: amqps://b/site
                  user: berlin
                  tls:
                    ca-file: ca.pem
                    certificate-file: /etc/me.pem
                    key-file: me.key
                    key-password-file: password
                    server-name: broker
                    verify: no-host-name
                    minimum-version: 1.3
                hop-limit: 3
                marking: where-native
                drain-limit: 0s
                routes: [{topic: a.#}]
                """,
            in: folder.path
        )
        #expect(settings.name == "berlin")
        #expect(settings.from.address == .broker(.mqtt("mqtt://me:s3cret%2F@a?keepalive=30s")))
        #expect(settings.from.client == "bridge-1")
        let tls = [
            "cafile=\(folder.path)/ca.pem", "certfile=/etc/me.pem", "keyfile=\(folder.path)/me.key",
            "keypassword=s3cret/",
            "servername=broker", "verify=no-host-name", "tlsversion=1.3",
        ]
        #expect(
            settings.to.address
                == .broker(.amqp("amqps://berlin@b/site?" + tls.joined(separator: "&").replacing("/", with: "%2F")))
        )
        #expect(
            settings.options
                == BridgeOptions(fromBroker: "edge", hopLimit: 3, marking: .whereNative, drainLimit: .zero)
        )
        let arguments = try ConnectionArguments.parse([])
        #expect(settings.connection(settings.from, side: .from, arguments).name == "bridge-1")
        #expect(settings.connection(settings.to, side: .to, arguments).name == "berlin-to")
    }

    @Test("says what routes connect")
    func readsKinds() throws {
        #expect(try route("topic: a.#").kind == .topics("a.#", as: "{topic}", .forth))
        #expect(try route("topic: a.#\nprefix: x.y").kind == .topics("a.#", as: "x.y.{topic}", .forth))
        #expect(try route("topic: a.*.#\nstrip: a\ndirection: back").kind == .topics("a.*.#", as: "{1}.{rest}", .back))
        #expect(try route("topic: a.b\nstrip: a\nprefix: c").kind == .topics("a.b", as: "c.b", .forth))
        #expect(try route("topic: a.*\nas: b.{1}\ndirection: both").kind == .topics("a.*", as: "b.{1}", .both))
        #expect(try route("topic: a.#\nto-queue: q").kind == .topicsToQueue("a.#", "q"))
        #expect(try route("queue: q").kind == .queues("q", "q", .forth))
        #expect(try route("queue: q\nto-queue: r\ndirection: back").kind == .queues("q", "r", .back))
        #expect(try route("topic: a\ndirection: both").options.allowsLoop)
        #expect(try !route("topic: a\ndirection: both\nallow-loop: false").options.allowsLoop)
        #expect(try route("queue: q\nas: a.{origin}").kind == .queueToTopics("q", as: "a.{origin}"))
        #expect(try route("rpc: f").kind == .calls("f", "f", isBackwards: false))
        #expect(try route("rpc: f\nto: g\ndirection: back").kind == .calls("f", "g", isBackwards: true))
        #expect(try route("action: f\nto: g").kind == .action("f", "g", isBackwards: false))
        let names = try [
            route("topic: a.#\nto-queue: q"), route("queue: q\nas: a"), route("queue: q\nonly-if: [{field: a}]"),
            route("topic: a\nexcept: [b]"), route("topic: a\nto-queue: q\nexcept: [b]"), route("rpc: f\nto: g"),
            route("action: f"), route("queue: q\nas: a\nonly-if: [{field: a}]"),
        ].map(\.route.name)
        #expect(
            names == [
                "a.# → queue q", "queue q → a", "queue q → queue q", "a → {topic}", "a → queue q", "call f → g",
                "action f → f", "queue q → a",
            ]
        )
    }

    @Test("says how they pass it on, each key on its own")
    func readsOptions() throws {
        func options(_ text: String) throws -> RouteOptions { try route("topic: a.#\n" + text).options }
        #expect(try options("") == RouteOptions())
        #expect(try options("guarantee: at-least-once") == RouteOptions(guarantee: .atLeastOnce))
        #expect(try options("durable: true") == RouteOptions(isDurable: true))
        #expect(try options("window: 7") == RouteOptions(window: 7))
        for (word, overflow): (String, Overflow) in [
            ("suspend", .suspend), ("drop-oldest", .dropOldest), ("drop-newest", .dropNewest), ("conflate", .conflate),
        ] {
            #expect(try options("overflow: \(word)") == RouteOptions(overflow: overflow))
        }
        #expect(
            try options("retry: {initial: 50ms, maximum: 2m, multiplier: 1.5, jitter: 0, attempts: 9}")
                == RouteOptions(
                    retry: Backoff(
                        initial: .milliseconds(50),
                        maximum: .seconds(120),
                        multiplier: 1.5,
                        jitter: 0,
                        attempts: 9
                    )
                )
        )
        #expect(try options("retry: {attempts: 0}") == RouteOptions(retry: Backoff(attempts: 0)))
        #expect(try options("retry: {initial: 1m}").retry.maximum == .seconds(60))
        #expect(try options("dead-letters: d") == RouteOptions(deadLetters: "d"))
        #expect(
            try options("dead-letters: {queue: d, side: to}")
                == RouteOptions(deadLetters: DeadLetters(to: "d", on: .to))
        )
        #expect(try options("retain: all") == RouteOptions(retain: .all))
        #expect(try options("expiry: 1.5h") == RouteOptions(expiry: .seconds(5_400)))
        #expect(try options("rate: 0.5") == RouteOptions(rate: RateLimit(perSecond: 0.5)))
        #expect(
            try options("rate: {per-second: 10, burst: 5, excess: drop}")
                == RouteOptions(rate: RateLimit(perSecond: 10, burst: 5, excess: .drop))
        )
        #expect(try options("sampling: {every: 10}") == RouteOptions(sampling: .every(10)))
        #expect(try options("sampling: {interval: 100ms}") == RouteOptions(sampling: .interval(.milliseconds(100))))
        #expect(try options("only-if-changed: true") == RouteOptions(changes: .onlyIfChanged))
        #expect(try options("only-if-changed: false") == RouteOptions())
        #expect(
            try options("only-if-changed: {maximum-age: 10}")
                == RouteOptions(changes: .onlyIfChanged(maximumAge: .seconds(10)))
        )
        #expect(try options("deduplication: 1000") == RouteOptions(deduplication: 1_000))
        #expect(try options("allow-loop: true") == RouteOptions(allowsLoop: true))
        #expect(try options("store: s") == RouteOptions(store: StoreOptions(folder: "/site/s")))
        let store =
            "store: {folder: /s, limit: 64MiB, segment: 1MiB, maximum-age: 24h, overflow: drop-oldest, sync: always}"
        #expect(
            try options(store)
                == RouteOptions(
                    store: StoreOptions(
                        folder: "/s",
                        limit: 64 << 20,
                        segmentBytes: 1 << 20,
                        maximumAge: .seconds(86_400),
                        overflow: .dropOldest,
                        sync: .always
                    )
                )
        )
        let calls = try route("rpc: f\nconcurrency: 3\ntimeout: 5s\nallow-loop: true").calls
        #expect(calls == CallRouteOptions(concurrency: 3, timeout: .seconds(5), allowsLoop: true))
    }

    @Test("says what routes have that don't say otherwise")
    func readsDefaults() throws {
        let settings = try BridgeSettings(
            yaml: Self.ends + """
                defaults: {window: 9, timeout: 1s, rate: {per-second: 5}, retry: {attempts: 3}}
                routes: [{topic: a}, {queue: b, window: 4, retry: {initial: 1s}}, {rpc: c}, {action: d, timeout: 2s}]
                """
        )
        #expect(settings.routes.map(\.options.window) == [9, 4, 256, 256])
        #expect(settings.routes[1].options.rate == RateLimit(perSecond: 5))
        #expect(settings.routes[1].options.retry == Backoff(initial: .seconds(1), attempts: 3))
        #expect(settings.routes[2...].map(\.calls.timeout) == [.seconds(1), .seconds(2)])
    }

    @Test("says which messages pass")
    func readsFilter() throws {
        let filter = try route(
            """
            topic: a.#
            only-if:
              - {field: position.x, above: 1, below: 2.5}
              - {header: kind, equals: alarm}
              - {field: on, equals: true}
              - {field: n, differs: "5"}
              - {field: n, exists: false}
              - {field: m}
            except: [a.b.#]
            """
        ).filter
        #expect(
            filter
                == MessageFilter(
                    conditions: [
                        .init(subject: .field(["position", "x"]), tests: [.above(1), .below(2.5)]),
                        .init(subject: .header("kind"), tests: [.equals(.text("alarm"))]),
                        .init(subject: .field(["on"]), tests: [.equals(.boolean(true))]),
                        .init(subject: .field(["n"]), tests: [.differs(.text("5"))]),
                        .init(subject: .field(["n"]), tests: [.exists(false)]),
                        .init(subject: .field(["m"]), tests: [.exists(true)]),
                    ],
                    exceptions: ["a.b.#"]
                )
        )
    }

    static let wrong: [(text: String, place: String, hint: String)] = [
        ("hello", ":1:1", "where a table of keys and values is expected"),
        ("to: amqp://b\nroutes: []", ":1:1", "the key from is missing"),
        ("from: mqtt://a\nroutes: []", ":1:1", "the key to is missing"),
        (ends, ":1:1", "there is no route"), (ends + "routes: []", ":1:1", "there is no route"),
        (ends + "routes: {topic: a}", ":3:9: routes", "where a list is expected"),
        (ends + "routs: []", ":3:1", "a bridge has no key \"routs\"; it has defaults, drain-limit, from"),
        (ends + "to: amqp://c", ":2:1", "the key \"to\" more than once"),
        (ends + "hop-limit: 0", ":3:12: hop-limit", "a whole number from 1 to 255"),
        (ends + "marking: sometimes", ":3:10: marking", "one of always, where-native, never"),
        (ends + "drain-limit: soon", ":3:14: drain-limit", "a time such as 500ms"),
        (ends + "drain-limit: 9999999999h", ":3:14: drain-limit", "a time such as 500ms"),
        ("from: kafka://me:hunter2@a\nto: amqp://b", ":1:7: from", "it is no broker's URL; there is memory:"),
        ("from: [mqtt://me:hunter2@a]\nto: amqp://b", ":1:7: from", "it is a list where a URL or a table"),
        ("from: {name: a}\nto: amqp://b", ":1:7: from", "the key url is missing"),
        (
            "from: {url: mqtt://a, password: hunter2}\nto: amqp://b", ":1:23: from",
            "has no key \"password\"; it has client"
        ),
        (
            "from: {url: mqtt://a, password-env: hunter2}\nto: amqp://b", ":1:37: from.password-env",
            "the environment variable that it names is not set"
        ),
        ("from: {url: mqtt://a, password-file: hunter2}\nto: x", ":1:38: from.password-file", "can't be read"),
        ("from: {url: \"mqtt://u:hunter2@a\", user: v}\nto: amqp://b", ":1:7: from", "the URL names a user already"),
        ("from: {url: mqtt://a, tls: {ca-file: a}}\nto: amqp://b", ":1:7: from", "mqtts:, amqps: or rediss:"),
        (
            "from: {url: mqtts://a, tls: {verify: no}}\nto: amqp://b", ":1:38: from.tls.verify",
            "full, no-host-name, none"
        ),
        ("from: {url: mqtts://a, tls: {cafile: a}}\nto: amqp://b", ":1:30: from.tls", "tls has no key \"cafile\""),
        (ends + "defaults: {store: a}", ":3:12: defaults", "defaults has no key \"store\""),
        (one("window: 3"), ":4:5: routes[0]", "one of the keys topic, queue, rpc and action"),
        (one("topic: a\n    rpc: b"), ":4:5: routes[0]", "of topic, queue, rpc and action a route has one"),
        (one("topic:"), "routes[0].topic", "it is empty where a text is expected"),
        (
            one("topic: a\n    widow: 3"), ":5:5: routes[0]",
            "a route of topics has no key \"widow\"; it has allow-loop, as"
        ),
        (one("rpc: a\n    window: 3"), ":5:5: routes[0]", "a route of calls or an action has no key \"window\""),
        (one("queue: a\n    prefix: 3"), ":5:5: routes[0]", "a route of a queue has no key \"prefix\""),
        (one("topic: a\n    as: b\n    prefix: c"), ":4:5: routes[0]", "as and prefix exclude each other"),
        (one("topic: a\n    to-queue: b\n    direction: both"), ":4:5: routes[0]", "to-queue and direction exclude"),
        (one("topic: a.#\n    strip: b"), ":4:5: routes[0]", "\"b\" can't be stripped: \"a.#\" does not begin with it"),
        (one("topic: a\n    direction: up"), ":5:16: routes[0].direction", "one of forth, back, both"),
        (one("queue: a\n    direction: both"), ":5:16: routes[0].direction", "one of forth, back"),
        (one("rpc: a\n    direction: both"), ":5:16: routes[0].direction", "one of forth, back"),
        (one("topic: a\n    window: \"3\""), ":5:13: routes[0].window", "it is \"3\", in quotes, where a whole number"),
        (one("topic: a\n    window: [3]"), ":5:13: routes[0].window", "it is a list where a whole number"),
        (one("topic: a\n    window: 99999999999999999999999"), ":5:13", "a whole number from 1 to 65535"),
        (one("topic: a\n    durable: maybe"), ":5:14: routes[0].durable", "true or false"),
        (one("topic: a\n    rate: 1e999"), ":5:11: routes[0].rate", "a number from 0.001 to 1000000"),
        (one("topic: a\n    rate: nan"), ":5:11: routes[0].rate", "a number from 0.001 to 1000000"),
        (one("topic: a\n    rate: {burst: 1}"), ":5:11: routes[0].rate", "the key per-second is missing"),
        (one("topic: a\n    rate: [1]"), ":5:11: routes[0].rate", "a number of messages a second or a table"),
        (one("topic: a\n    retry: {initial: 1m, maximum: 1s}"), ":5:12: routes[0].retry", "more than maximum"),
        (one("topic: a\n    retry: {jitter: 2}"), ":5:21: routes[0].retry.jitter", "a number from 0 to 1"),
        (one("topic: a\n    sampling: {every: 1, interval: 1s}"), ":5:15: routes[0].sampling", "exclude each other"),
        (one("topic: a\n    sampling: {}"), ":5:15: routes[0].sampling", "every and interval is missing"),
        (
            one("topic: a\n    sampling: {evry: 1}"), ":5:16: routes[0].sampling",
            "no key \"evry\"; it has every, interval"
        ),
        (one("topic: a\n    expiry: 0s"), ":5:13: routes[0].expiry", "of at least 1ms"),
        (one("topic: a\n    deduplication: -1"), ":5:20: routes[0].deduplication", "from 0 to 10000000"),
        (one("topic: a\n    dead-letters: {side: to}"), ":5:19: routes[0].dead-letters", "the key queue is missing"),
        (one("topic: a\n    only-if-changed: maybe"), ":5:22: routes[0].only-if-changed", "true or false"),
        (one("topic: a\n    store: {limit: 1MiB}"), ":5:12: routes[0].store", "the key folder is missing"),
        (one("topic: a\n    store: {folder: s, limit: 1MiB}"), ":5:31: routes[0].store.limit", "from 16MiB to 1024TiB"),
        (one("topic: a\n    store: {folder: s, limit: lots}"), ":5:31: routes[0].store.limit", "a size such as 512KiB"),
        (
            one("topic: a\n    only-if: [{equals: 1}]"), ":5:15: routes[0].only-if[0]",
            "one of the keys field and header"
        ),
        (one("topic: a\n    only-if: [{field: a..b}]"), ":5:15: routes[0].only-if[0]", "has an empty part"),
        (one("topic: a\n    except: [a.#.b]"), ":5:14: routes[0].except[0]", "may only stand last"),
        (one("queue: a\n    except: [a]"), ":4:5: routes[0]", "except is for routes of topics that go forth"),
        (
            one("topic: a\n    store: s\n  - topic: b\n    store: ./s/"), ":6:5: routes[1]",
            "in the folder of routes[0]'s"
        ),
    ]

    private static func one(_ route: String) -> String { ends + "routes:\n  - \(route)\n" }

    @Test("that is wrong says where, what and what is allowed, and no secret", arguments: wrong.indices)
    func refusesMistakes(index: Int) {
        let (text, place, hint) = Self.wrong[index]
        let error = #expect(throws: SettingsError.self) { try BridgeSettings(yaml: text) }
        let failure = error?.failure(in: "bridge.yml")
        #expect(failure?.exit == .usage)
        let message = failure?.message ?? ""
        #expect(
            message.hasPrefix("bridge.yml") && message.contains(place) && message.contains(hint),
            "\(text)\n\(message)"
        )
        #expect(!message.contains("hunter2"))
    }

    @Test("is checked against what the brokers give, without them")
    func refusesPlans() throws {
        let arguments = try ConnectionArguments.parse([])
        for (text, place, hint) in [
            (Self.one("topic: a.#.b"), ":4:5: routes[0]", "may only stand last"),
            (Self.one("topic: a.#\n    as: b.{1}"), ":4:5: routes[0]", "{1}"),
            (Self.one("topic: a.#\n    guarantee: at-least-once"), ":4:5: routes[0]", "keeps nothing for a subscriber"),
            (Self.one("topic: a.#\n    durable: true"), ":4:5: routes[0]", "keeps nothing for a subscription"),
            (Self.one("topic: a.#\n    retain: all"), ":4:5: routes[0]", "keeps no messages"),
            ("from: mqtt://a:b\nto: amqp://b\nroutes: [{topic: a}]", ": from", "port"),
            ("from: mqtt://a\nto: amqp://me:hunter2@b?x=1\nroutes: [{topic: a}]", ": to", "does not know the option"),
            ("from: mqtt://a\nto: mqtt://a\nroutes: [{topic: a.#}]", "bridge.yml: ", "comes back"),
            ("name: 'a b'\n" + Self.one("topic: a.#"), "bridge.yml: ", "no white space"),
            ("from: amqp://a\nto: amqp://b\nroutes: [{topic: a.#, durable: true}]", "routes[0]", "has no name"),
        ] {
            let error = #expect(throws: SettingsError.self) {
                try PlannedWay.list(for: BridgeSettings(yaml: text), arguments)
            }
            let message = error?.failure(in: "bridge.yml").message ?? ""
            #expect(message.contains(place) && message.contains(hint), "\(text)\n\(message)")
            #expect(!message.contains("hunter2"))
        }
    }

    @Test("tells for each way what it will do")
    func plansWays() throws {
        let text = """
            name: berlin
            from: {url: "mqtt://me:hunter2@a?session=persistent", client: c}
            to: amqp://b
            routes:
              - {topic: a.#, prefix: x, direction: both, store: s, rate: 10, window: 9, dead-letters: d}
              - {rpc: f}
            """
        let ways = try PlannedWay.list(for: BridgeSettings(yaml: text), ConnectionArguments.parse([]))
        #expect(ways.map(\.source) == ["mqtt://me:***@a", "amqp://b", "mqtt://me:***@a"])
        #expect(ways.map(\.sink) == ["amqp://b", "mqtt://me:***@a", "amqp://b"])
        #expect(ways[0].guarantee == "at least once while the bridge lives")
        #expect(ways[2].guarantee == "answered, or told why not")
        #expect(
            ways[0].route.details == [
                "10 a second, 1 at once, the rest waits", "9 under way", "dead letters to d",
                "stored in s (up to 1GiB)",
                "loops cut",
            ]
        )
        #expect(ways[2].route.details == ["100 at a time", "30s each unless the caller says"])
    }
}
