import Foundation
import Martlet
import MartletJWT
import MartletServer
import MartletSettings
import Testing

@testable import MartletCommand

@Suite("A broker's file", .timeLimit(.minutes(5)))
struct BrokerSettingsTests {
    private static let document: String = {
        var root = URL(filePath: #filePath)
        for _ in 0..<5 { root.deleteLastPathComponent() }
        let file = root.appending(path: "Sources/MartletServer/MartletServer.docc/MartletServer.md")
        return (try? String(contentsOf: file, encoding: .utf8)) ?? ""
    }()

    @Test("says all that a broker can be told")
    func readsAll() throws {
        let settings = try BrokerSettings(
            yaml: """
                listeners:
                  - port: 0
                  - host: "::"
                    tls: {certificate-file: chain.pem, key-file: /etc/key.pem, client-ca-file: ca.pem}
                    proxies: [10.0.0.0/8]
                  - {protocol: websocket, origins: ["*"]}
                  - unix: run/broker
                  - {systemd: mqtts, tls: {certificate-file: a, key-file: b}}
                users: users
                acl: /etc/rules
                store: {folder: store, sync: 1s}
                queues:
                  - jobs/a
                  - name: mail
                    limit: 5
                    byte-limit: 1KiB
                    overflow: reject
                    time-to-live: 1h
                    maximum-deliveries: 3
                    dead-letters: mail/dead
                queue-group: workers
                limits: {sessions: 7, packet: 1KiB, overflow: disconnect, keep-alive: 60s, strict: no, retained-topics: 9, queues: 3}
                system-topics: false
                report: 1m
                """,
            in: "/site"
        )
        let tls = Listener.TLS(
            certificateChain: "/site/chain.pem",
            privateKey: "/etc/key.pem",
            clientAuthorities: "/site/ca.pem"
        )
        #expect(
            settings.listeners == [
                ListenerSettings(place: .address(host: "127.0.0.1", port: 0)),
                ListenerSettings(place: .address(host: "::", port: nil), tls: tls, proxies: ["10.0.0.0/8"]),
                ListenerSettings(isWebSocket: true, origins: ["*"]),
                ListenerSettings(place: .unix(path: "/site/run/broker")),
                ListenerSettings(
                    place: .systemd(name: "mqtts"),
                    tls: .init(certificateChain: "/site/a", privateKey: "/site/b")
                ),
            ]
        )
        #expect(settings.users == "/site/users")
        #expect(settings.acl == "/etc/rules")
        #expect(settings.store == "/site/store")
        #expect(settings.sync == .seconds(1))
        let mail = QueueOptions(
            limit: 5,
            byteLimit: 1_024,
            overflow: .reject,
            timeToLive: .seconds(3_600),
            maximumDeliveries: 3,
            deadLetters: "mail.dead"
        )
        #expect(settings.queues == [.init(name: "jobs.a"), .init(name: "mail", options: mail)])
        #expect(settings.queueGroup == "workers")
        #expect(settings.systemTopics == nil)
        #expect(settings.report == .seconds(60))
        var limits = ServerLimits()
        (limits.sessions, limits.packetBytes, limits.overflow) = (7, 1_024, .disconnect)
        (limits.keepAlive, limits.isStrict) = (60, false)
        #expect(settings.limits == limits)
        #expect(settings.brokerOptions.retainedTopics == 9)
        #expect(settings.brokerOptions.queues == 3)
        try settings.validate()
    }

    @Test("says nothing where all is as usual")
    func hasDefaults() throws {
        let settings = try BrokerSettings(yaml: "store: {folder: a, sync: always}")
        #expect(settings.listeners == [ListenerSettings()])
        #expect(settings.sync == nil)
        #expect(settings.limits == ServerLimits())
        #expect(settings.queueGroup == "martlet")
        #expect(settings.systemTopics == .seconds(10))
        #expect(try settings.listeners[0].listeners() == [.mqtt()])
    }

    @Test(
        "names what is wrong, with its place",
        arguments: [
            ("listener: []", 1, 1), ("listeners: []", 1, 1), ("listeners: [{unix: a, port: 1}]", 1, 13),
            ("listeners: [{origins: [a]}]", 1, 24), ("listeners: [{protocol: http}]", 1, 24),
            ("listeners: [{tls: {key-file: a}}]", 1, 19), ("queues: [a, a]", 1, 13), ("queues: [{limit: 1}]", 1, 10),
            ("report: 1s\nlimits: {sessions: 0}", 2, 20), ("store: {folder: a, sync: 0s}", 1, 26),
            ("queues: [\"a//b/#\"]", 1, 10), ("limits: {keep-alive: 20h}", 1, 22),
        ]
    )
    func namesPlaces(_ text: String, _ line: Int, _ column: Int) throws {
        let error = #expect(throws: SettingsError.self) { try BrokerSettings(yaml: text) }
        let place = try #require(error?.place)
        #expect(place.line == line && place.column == column, "\(error.map { "\($0)" } ?? ""), \(place)")
    }

    @Test(
        "has a keep-alive of whole seconds, as MQTT counts them",
        arguments: ["0s", "500ms", "1500ms", "65536s", "20h", "soon"]
    )
    func refusesKeepAlives(_ text: String) {
        let error = #expect(throws: SettingsError.self) { try BrokerSettings(yaml: "limits: {keep-alive: \(text)}") }
        #expect(error?.path == "limits.keep-alive")
        let form = text == "soon" ? "a time such as 500ms" : "whole seconds from 1s to 65535s, such as 60s, is expected"
        #expect(error?.message.contains(form) == true, "\(error?.message ?? "")")
    }

    @Test("says what holds from the next start on")
    func namesWhatWaits() throws {
        let old = try BrokerSettings(yaml: "users: a\nqueues: [a, b]")
        #expect(old.keysForNextStart(old) == [])
        let new = try BrokerSettings(
            yaml: "users: b\nacl: c\nqueues: [b, c]\nlimits: {queues: 4, sessions: 9}\nlisteners: [{port: 1}]\nstore: d"
        )
        #expect(old.keysForNextStart(new) == ["listeners", "store", "limits", "queues"])
        #expect(try old.keysForNextStart(BrokerSettings(yaml: "queues: [a, b]")) == ["users"])
        // Who asks for users takes those of other files, and of other kinds.
        #expect(try old.keysForNextStart(BrokerSettings(yaml: "scram: c\nqueues: [a, b]")) == [])
        let open = try BrokerSettings(yaml: "queues: [a]")
        #expect(try open.keysForNextStart(BrokerSettings(yaml: "scram: c\nqueues: [a]")) == ["scram"])
    }

    @Test("has users of either kind, or of both, or everybody")
    func usersAreAskedFor() throws {
        let settings = try BrokerSettings(yaml: "scram: keys\nlisteners: [{host: 0.0.0.0}]", in: "/site")
        #expect(settings.scram == "/site/keys")
        try settings.validate()
        #expect(throws: SettingsError.self) { try BrokerSettings(yaml: "scram: a\nanonymous: true") }
        #expect(throws: Failure.self) { try BrokerSettings(yaml: "listeners: [{host: 0.0.0.0}]").validate() }
    }

    @Test("has tokens of a file of keys, or of a table")
    func readsTokens() throws {
        let short = try BrokerSettings(yaml: "jwt: keys.json\nlisteners: [{host: 0.0.0.0}]", in: "/site")
        #expect(short.tokens == TokenSettings(file: "/site/keys.json"))
        try short.validate()
        let all = try BrokerSettings(
            yaml: """
                jwt:
                  secret: /etc/secret
                  issuer: joe
                  audience: house
                  leeway: 5s
                  user: name
                  client-id: client
                  user-name: sub
                  endless: yes
                """,
            in: "/site"
        )
        var expected = TokenSettings(file: "/etc/secret", isSecret: true)
        expected.rules = TokenRules(
            issuer: "joe",
            audience: "house",
            leeway: .seconds(5),
            userClaim: "name",
            clientIDClaim: "client",
            userNameClaim: "sub",
            allowsEndless: true
        )
        #expect(all.tokens == expected)
        #expect(try BrokerSettings(yaml: "jwt: {keys: a, leeway: 0s}").tokens?.rules.leeway == .zero)
        for text in ["jwt: {issuer: joe}", "jwt: {keys: a, secret: b}", "jwt: a\nanonymous: true", "jwt: [a]"] {
            #expect(throws: SettingsError.self, "\(text)") { try BrokerSettings(yaml: text) }
        }
        // Other keys hold at once; to ask for tokens at all is for the next start.
        let open = try BrokerSettings(yaml: "{}")
        #expect(open.keysForNextStart(all) == ["jwt"])
        #expect(try all.keysForNextStart(BrokerSettings(yaml: "jwt: other.json")) == [])
    }

    @Test("is in the documentation: the file there, and every key")
    func isDocumented() throws {
        let parts = Self.document.components(separatedBy: "```yaml\n")
        #expect(parts.count == 2)
        let yaml = try #require(parts.last?.components(separatedBy: "```").first)
        try BrokerSettings(yaml: yaml).validate()
        for text in [
            "KEY: 1", "listeners: [{KEY: 1}]", "listeners: [{tls: {KEY: 1}}]", "store: {folder: a, KEY: 1}",
            "queues: [{name: a, KEY: 1}]", "limits: {KEY: 1}", "jwt: {keys: a, KEY: 1}",
        ] {
            let error = #expect(throws: SettingsError.self) { try BrokerSettings(yaml: text) }
            let message = try #require(error?.message)
            // Where one of them is nearly KEY, that is asked behind them.
            let list = message.components(separatedBy: "; is ").first?.components(separatedBy: "it has ").last
            let keys = try #require(list).components(separatedBy: ", ")
            #expect(message.contains("has no key \"KEY\"") && keys.count > 1, "\(message)")
            let table = try #require(Self.document.components(separatedBy: "### A file for the command").last)
            for key in keys {
                let isThere = table.contains("`\(key)`") || table.contains("[].\(key)`")
                #expect(isThere, "the documentation has no \(key)")
            }
        }
    }
}
