import Martlet
import Testing

@testable import MartletSettings

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("Settings", .timeLimit(.minutes(10)))
struct DecoderTests {
    private func decode<Value: Decodable>(
        _ type: Value.Type,
        _ text: String,
        section: String = "a",
        defaults: Value? = nil
    ) throws -> Value {
        try SettingsDecoder(environment: .none)
            .decode(type, from: SettingsFile(text, name: "f.yml"), section: section, defaults: defaults)
    }

    private func failure<Value: Decodable>(_ type: Value.Type, _ text: String, defaults: Value? = nil) -> String {
        let error = #expect(throws: SettingsError.self) { try decode(type, text, defaults: defaults) }
        return error?.description ?? ""
    }

    // MARK: Many

    /// In a minute the list of keys would have been searched a few thousand times, not a hundred thousand.
    @Test("of a hundred thousand keys are read in a time in proportion to that", .timeLimit(.minutes(1)))
    func bearsManyKeys() throws {
        let lines = (0..<100_000).map { "k\($0): 1" }
        let file = try SettingsFile(lines.joined(separator: "\n"), name: "f.yml")
        let decoder = SettingsDecoder(environment: .none)
        let numbers = try decoder.decode([String: Int].self, from: file)
        #expect(numbers.count == 100_000)
        #expect(numbers["k99999"] == 1)
    }

    @Test("of many spellings of a key are told apart as fast where each is one", .timeLimit(.minutes(1)))
    func bearsManySpellings() throws {
        let keys = (0..<40_000).map { number in
            String((0..<16).map { number >> $0 & 1 == 1 ? "-" : "_" }.joined() + "a")
        }
        let file = try SettingsFile(keys.map { "\"\($0)\": 1" }.joined(separator: "\n"), name: "f.yml")
        let decoder = SettingsDecoder(environment: .none)
        #expect(try decoder.decode([String: Int].self, from: file).count == 40_000)
        struct One: Decodable { var a: Int }
        let error = #expect(throws: SettingsError.self) { try decoder.decode(One.self, from: file) }
        #expect(error?.message.contains("one key in two spellings") == true, "\(error?.description ?? "")")
    }

    // MARK: Kinds of values

    private struct Kinds: Decodable, Equatable {
        enum Level: String, Decodable, CaseIterable { case debug, info }
        enum Number: Int, Decodable { case one = 1, two }
        enum Choice: Decodable, Equatable { case file(path: String), none }

        struct Inner: Decodable, Equatable {
            var x: Double
            var y: Float?
        }

        var text: String
        var number: Int
        var small: UInt8
        var huge: Int128
        var isOn: Bool
        var isOff: Bool
        var time: Duration
        var seconds: Duration
        var size: ByteCount
        var bytes: ByteCount
        var level: Level
        var two: Number
        var choice: Choice
        var url: URL
        var inner: Inner
        var list: [Int]
        var lists: [[String]]
        var inners: [Inner]
        var names: [String: Int]
        var set: Set<String>
        var nothing: String?
        var missing: Int?
        var optional: Double?
        var holes: [Int?]
        var empty: String
    }

    @Test("are of all kinds that types may have")
    func readsKinds() throws {
        let kinds = try decode(
            Kinds.self,
            """
            a:
              text: 12345
              number: -7
              small: 255
              huge: 170141183460469231731687303715884105727
              is_on: Yes
              is-off: off
              time: 1.5h
              seconds: 0.25
              size: 64MiB
              bytes: 17
              level: info
              two: 2
              choice: {file: {path: /tmp}}
              url: https://example.com/a?b=c
              inner: {x: 1e3, y: 2}
              list: [1, 2]
              lists: [[a], [], [b, c]]
              inners:
                - x: 1
                - {x: 2, y: 3}
              names: {one_two: 1, one-two: 2, oneTwo: 3}
              set: [a, b, a]
              nothing: ~
              optional: 5
              holes: [1, ~, 3]
              empty: ""
            """
        )
        let expected = Kinds(
            text: "12345",
            number: -7,
            small: 255,
            huge: .max,
            isOn: true,
            isOff: false,
            time: .seconds(5_400),
            seconds: .milliseconds(250),
            size: ByteCount(64 << 20),
            bytes: 17,
            level: .info,
            two: .two,
            choice: .file(path: "/tmp"),
            url: try #require(URL(string: "https://example.com/a?b=c")),
            inner: .init(x: 1_000, y: 2),
            list: [1, 2],
            lists: [["a"], [], ["b", "c"]],
            inners: [.init(x: 1), .init(x: 2, y: 3)],
            names: ["one_two": 1, "one-two": 2, "oneTwo": 3],
            set: ["a", "b"],
            nothing: nil,
            missing: nil,
            optional: 5,
            holes: [1, nil, 3],
            empty: ""
        )
        #expect(kinds == expected)
    }

    @Test(
        "have one key in three spellings, also beside capitals",
        arguments: ["custom_value", "custom-value", "customValue", "CUSTOM_VALUE", "Custom-Value"]
    )
    func readsSpellings(key: String) throws {
        struct Custom: Decodable { var customValue: Int }
        struct Snake: Decodable {
            var value: Int
            enum CodingKeys: String, CodingKey { case value = "custom_value" }
        }
        #expect(try decode(Custom.self, "a: {\(key): 1}").customValue == 1)
        #expect(try decode(Snake.self, "a: {\(key): 1}").value == 1)
    }

    @Test("are found in the section that keys lead to, and in the file itself")
    func findsSections() throws {
        struct One: Decodable { var one: Int }
        let decoder = SettingsDecoder(environment: .none)
        let file = try SettingsFile("services: {my-service: {one: 1}}", name: "f.yml")
        #expect(try decoder.decode(One.self, from: file, section: "services", "my_service").one == 1)
        #expect(try decoder.decode(One.self, from: SettingsFile("one: 2", name: "f")).one == 2)
        #expect(try decoder.decode(One?.self, from: SettingsFile("", name: "f")) == nil)
        let text = try SettingsFile("services: 5", name: "f.yml")
        let error = #expect(throws: SettingsError.self) {
            try decoder.decode(One.self, from: text, section: "services", "b")
        }
        #expect(error?.description == "f.yml:1:11: services: it is \"5\" where a table of keys and values is expected")
    }

    @Test("may be a class, a flattened type, or one that reads itself")
    func readsOwnWays() throws {
        class Base: Decodable { var one: Int }
        final class Derived: Base {
            var two: Int
            enum CodingKeys: CodingKey { case two }
            required init(from decoder: any Decoder) throws {
                two = try decoder.container(keyedBy: CodingKeys.self).decode(Int.self, forKey: .two)
                try super.init(from: decoder)
            }
        }
        struct Nested: Decodable {
            var x: Int
            var y: [Int]
            var z: Int
            enum Keys: CodingKey { case deep, list, other }
            enum Deep: CodingKey { case x }
            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: Keys.self)
                x = try container.nestedContainer(keyedBy: Deep.self, forKey: .deep).decode(Int.self, forKey: .x)
                var list = try container.nestedUnkeyedContainer(forKey: .list)
                y = []
                while !list.isAtEnd { y.append(try list.decode(Int.self)) }
                z = try Int(from: container.superDecoder(forKey: .other))
                #expect(throws: DecodingError.self) { try list.decode(Int.self) }
            }
        }
        let derived = try decode(Derived.self, "a: {one: 1, two: 2}")
        #expect(derived.one == 1)
        #expect(derived.two == 2)
        let nested = try decode(Nested.self, "a: {deep: {x: 1}, list: [2, 3], other: 4}")
        #expect(nested.x == 1)
        #expect(nested.y == [2, 3])
        #expect(nested.z == 4)
        #expect(failure(Nested.self, "a: {deep: {x: 1, w: 2}, list: [], other: 4}").hasPrefix("f.yml:1:18: a.deep: "))
        #expect(failure(Derived.self, "a: {one: 1, two: 2, three: 3}").hasPrefix("f.yml:1:21: a: "))
    }

    // MARK: Errors

    private struct Server: Decodable {
        enum Level: String, Decodable, CaseIterable { case debug, info }

        struct Route: Decodable { var topic: String }

        var host: String
        var port: UInt16?
        var level: Level?
        var timeout: Duration?
        var size: ByteCount?
        var ratio: Double?
        var routes: [Route]?
        var isOn: Bool?
        var endpointURL: URL?
    }

    @Test(
        "that are wrong are told with file, line, column and keys",
        arguments: [
            ("a:\n  port: 1", "2:3: a: the key host is missing"),
            ("", "1:1: a: the key host is missing"),
            ("a:\n  host:", "2:8: a.host: it is empty where a text is expected"),
            ("a: 5", "1:4: a: it is \"5\" where a table of keys and values is expected"),
            ("a: [5]", "1:4: a: it is a list where a table"),
            ("a:\n  hots: b", "2:3: a: the key host is missing; is hots meant for it?"),
            ("a:\n  host: b\n  prot: 5", "3:3: a: the section has no key \"prot\"; it has "),
            ("a:\n  host: b\n  prot: 5", "; is port meant?"),
            (
                "a: {host: b, unheard_of: 1}",
                "1:14: a: the section has no key \"unheard_of\"; it has endpoint_url, host, "
            ),
            ("a: {host: [b]}", "1:11: a.host: it is a list where a text is expected"),
            ("a: {host: b, port: 70000}", "1:20: a.port: it is \"70000\" where a whole number from 0 to 65535"),
            ("a: {host: b, port: \"1\"}", "1:20: a.port: it is \"1\", in quotes, where a whole number"),
            ("a: {host: b, level: loud}", "1:21: a.level: it is \"loud\" where one of debug, info is expected"),
            ("a: {host: b, timeout: soon}", "1:23: a.timeout: it is \"soon\" where a time such as"),
            ("a: {host: b, timeout: -1s}", "1:23: a.timeout: it is \"-1s\" where a time such as"),
            ("a: {host: b, size: big}", "1:20: a.size: it is \"big\" where a size such as"),
            ("a: {host: b, ratio: nan}", "1:21: a.ratio: it is \"nan\" where a number is expected"),
            ("a: {host: b, ratio: 1e999}", "1:21: a.ratio: it is \"1e999\" where a number is expected"),
            ("a: {host: b, is_on: maybe}", "1:21: a.is_on: it is \"maybe\" where true or false is expected"),
            ("a: {host: b, routes: c}", "1:22: a.routes: it is \"c\" where a list is expected"),
            ("a: {host: b, routes: [{topic: c}, {topik: d}]}", "1:36: a.routes[1]: the key topic is missing; is topik"),
            ("a: {host: b, port: 1, PORT: 2}", "1:23: a.PORT: \"port\" and \"PORT\" are one key in two spellings"),
            ("a: {host: b, host: c}", "1:5: a table has the key \"host\" more than once"),
        ]
    )
    func findsFaults(text: String, message: String) {
        #expect(failure(Server.self, text).contains(message), "\(failure(Server.self, text))")
        #expect(failure(Server.self, text).hasPrefix("f.yml:"))
    }

    @Test("may be refused by their own type, and are told where")
    func refusesByType() {
        struct Even: Decodable {
            init(from decoder: any Decoder) throws {
                let number = try decoder.singleValueContainer().decode(Int.self)
                guard number.isMultiple(of: 2) else {
                    throw MessagingError(.invalidArgument, "\(number) is odd")
                }
            }
        }
        struct Numbers: Decodable { var numbers: [Even] }
        #expect(failure(Numbers.self, "a: {numbers: [2, 3]}") == "f.yml:1:18: a.numbers[1]: \"3\" is odd")
    }

    @Test("of a type that knows no key are none")
    func refusesKeysOfEmptyTypes() throws {
        struct Empty: Decodable {}
        _ = try decode(Empty.self, "a: {}")
        _ = try decode(Empty.self, "b: {c: 1}")
        #expect(failure(Empty.self, "a: {b: 1}") == "f.yml:1:5: a: the section has no key \"b\"; it has no keys")
    }

    @Test("that are too deep in each other are refused")
    func boundsDepth() {
        struct Node: Decodable { var node: [Node]? }
        let text = "a: " + String(repeating: "{node: [", count: 20) + String(repeating: "]}", count: 20)
        #expect(failure(Node.self, text).contains("too deep in each other"))
    }

    // MARK: Defaults

    private struct Service: Decodable, Equatable {
        struct Broker: Decodable, Equatable {
            var host = "localhost"
            var port = 1_883
        }

        var name: String
        var broker = Broker()
        var interval: Duration = .seconds(10)
        var level: Server.Level = .info
        var hosts = ["a", "b"]
        var limit: Int? = 5
        var password: Secret?
        var customValue = "x"
    }

    @Test("hold by default where nothing is said, also in part")
    func takesDefaults() throws {
        let defaults = Service(name: "n", password: "p")
        #expect(try decode(Service.self, "", defaults: defaults) == defaults)
        #expect(try decode(Service.self, "a:\n  broker:\n  interval:\n", defaults: defaults) == defaults)
        var changed = defaults
        changed.broker.port = 1
        changed.hosts = []
        changed.limit = 6
        changed.level = .debug
        let text = "a: {broker: {port: 1}, hosts: [], limit: 6, level: debug}"
        #expect(try decode(Service.self, text, defaults: defaults) == changed)
        #expect(failure(Service.self, "a: {broker: {prot: 1}}", defaults: defaults).contains("is port meant?"))
    }
}
