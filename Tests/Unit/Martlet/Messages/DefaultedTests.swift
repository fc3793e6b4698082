import Foundation
import Martlet
import Testing

/// Documents that have not all members of a type that has defaults.
@Suite(.timeLimit(.minutes(10))) struct DefaultedTests {
    private struct Limits: Codable, Hashable, Defaulted {
        var low = -1.5
        var high = Double.infinity
        var unit: String? = "mm"
    }

    private struct Plain: Codable, Hashable { var a = 1 }

    private struct Move: Codable, Hashable, Defaulted {
        var target = 7
        var name = "arm"
        var isFast = true
        var limits = Limits(low: 0, high: 1, unit: nil)
        var path: [Limits] = []
        var byName: [String: Limits] = [:]
        var at: Date? = Date(timeIntervalSince1970: 1_000)
        var data = Data([1, 2])
        var plain = Plain(a: 3)
        var note: String?
    }

    private static let codecs: [(String, any Codec)] = [
        ("JSON", JSONCodec()), ("MessagePack", MessagePackCodec()), ("plain text", PlainText(decimals: 15)),
    ]

    /// What each codec makes of a document that is given as JSON.
    private func expect<Value: Decodable & Equatable>(_ json: JSON, is value: Value) throws {
        for (name, codec) in Self.codecs {
            #expect(try codec.decode(Value.self, from: codec.encode(json)) == value, "\(name)")
        }
    }

    @Test func nothingIsAllDefaults() throws {
        try expect([:], is: Move())
        try expect([:], is: Limits())
    }

    @Test func whatIsThereCounts() throws {
        var move = Move()
        move.target = 5
        move.isFast = false
        move.at = nil
        try expect(["target": 5, "isFast": false, "at": .null, "other": 1], is: move)
    }

    @Test func membersHaveTheDefaultsOfTheirOwnType() throws {
        var move = Move()
        // Not those of the whole's default.
        move.limits = Limits(low: 2)
        move.path = [Limits(), Limits(high: 9)]
        move.byName = ["x": Limits(unit: "m")]
        try expect(["limits": ["low": 2], "path": [[:], ["high": 9]], "byName": ["x": ["unit": "m"]]], is: move)
        try expect([[:], ["target": 1]], is: [Move(), Move(target: 1)])
    }

    @Test func aMemberWithoutDefaultsHasToBeWhole() throws {
        for (name, codec) in Self.codecs {
            let bytes = try codec.encode(["plain": [:]] as JSON)
            #expect(throws: DecodingError.self, "\(name)") { try codec.decode(Move.self, from: bytes) }
            let wrong = try codec.encode(["target": "x"] as JSON)
            #expect(throws: DecodingError.self, "\(name)") { try codec.decode(Move.self, from: wrong) }
            let null = try codec.encode(["target": .null] as JSON)
            #expect(throws: DecodingError.self, "\(name)") { try codec.decode(Move.self, from: null) }
            let empty = try codec.encode([:] as JSON)
            #expect(throws: DecodingError.self, "\(name)") { try codec.decode(Plain.self, from: empty) }
            #expect(throws: DecodingError.self, "\(name)") { try codec.decode(Move.self, from: codec.encode([1])) }
        }
    }

    @Test func containersOfItsOwnHaveThemToo() throws {
        struct Nested: Codable, Equatable, Defaulted {
            var x = 1
            var list = [4, 5]
            private enum Keys: String, CodingKey { case point, list }
            private enum PointKeys: String, CodingKey { case x }
            init() {}
            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: Keys.self)
                let point = try container.nestedContainer(keyedBy: PointKeys.self, forKey: .point)
                x = try point.decode(Int.self, forKey: .x)
                var elements = try container.nestedUnkeyedContainer(forKey: .list)
                list = [try elements.decode(Int.self), try elements.decode(Int.self)]
            }
            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Keys.self)
                var point = container.nestedContainer(keyedBy: PointKeys.self, forKey: .point)
                try point.encode(x, forKey: .x)
                try container.encode(list, forKey: .list)
            }
        }
        try expect([:], is: Nested())
        var nested = Nested()
        nested.x = 9
        try expect(["point": ["x": 9]], is: nested)
    }

    @Test func theSuperclassHasThemToo() throws {
        class Base: Codable {
            var x = 1
            init() {}
        }
        final class Derived: Base, Defaulted {
            var y = 2
            private enum Keys: String, CodingKey { case y }
            override init() { super.init() }
            required init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: Keys.self)
                y = try container.decode(Int.self, forKey: .y)
                try super.init(from: container.superDecoder())
            }
            override func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Keys.self)
                try container.encode(y, forKey: .y)
                try super.encode(to: container.superEncoder())
            }
        }
        for (name, codec) in Self.codecs {
            let value = try codec.decode(Derived.self, from: codec.encode(["y": 5] as JSON))
            #expect(value.x == 1 && value.y == 5, "\(name)")
            let other = try codec.decode(Derived.self, from: codec.encode(["super": ["x": 7]] as JSON))
            #expect(other.x == 7 && other.y == 2, "\(name)")
        }
    }

    /// A type that holds itself has no default that goes on for ever, and a document can't make one.
    @Test func aTypeMayHoldItself() throws {
        struct Tree: Codable, Equatable, Defaulted {
            var name = "leaf"
            var children: [Tree] = []
        }
        let text = String(repeating: #"{"children":["#, count: 200) + String(repeating: "]}", count: 200)
        var tree = try JSONCodec().decode(Tree.self, from: Array(text.utf8))
        var depth = 1
        while let child = tree.children.first {
            #expect(tree.name == "leaf")
            (tree, depth) = (child, depth + 1)
        }
        #expect(depth == 200)
        let deep = String(repeating: #"{"children":["#, count: 600) + String(repeating: "]}", count: 600)
        #expect(throws: DecodingError.self) { try JSONCodec().decode(Tree.self, from: Array(deep.utf8)) }
    }

    @Test func whatIsWrongIsNoReasonForADefault() throws {
        for text in [
            #"{"target":1e999}"#, #"{"target":1.5}"#, #"{"target":99999999999999999999}"#, #"{"limits":[]}"#,
            #"{"limits":null}"#, #"{"path":{}}"#, #"{"target":1,"target":"x"}"#, "[]", "1", "null", "{",
        ] {
            #expect(throws: DecodingError.self, "\(text)") { try JSONCodec().decode(Move.self, from: Array(text.utf8)) }
        }
        // Of a key that occurs twice the last counts, also where another is missing.
        #expect(try JSONCodec().decode(Limits.self, from: Array(#"{"low":1,"low":2}"#.utf8)) == Limits(low: 2))
    }

    @Test(.onOneThread) func manyThatLackEverythingAreReadAtOnce() throws {
        let text = "[" + String(repeating: "{},", count: 99_999) + "{}]"
        let many = try JSONCodec().decode([Limits].self, from: Array(text.utf8))
        #expect(many.count == 100_000)
        #expect(many.allSatisfy { $0 == Limits() })
    }

    @Test func numbersOfEverySizeCanBeDefaults() throws {
        struct Large: Codable, Equatable, Defaulted { var a = Int128.max, b = UInt64.max }
        #expect(try JSONCodec().decode(Large.self, from: Array("{}".utf8)) == Large())
    }

    /// As a peer that knows the class writes it: nothing but what it sets.
    @Test func aCallNeedNotSayEverything() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect()
        let rpc = RPC<Move, Int>("move")
        let node = Node("arm", on: connection, options: NodeOptions(heartbeat: nil)) {
            Respond(to: rpc) { move in move.target }
        }
        try await node.whileRunning {
            let untold = try await connection.call(RPC<JSON, Int>(rpc.name), [:])
            let told = try await connection.call(RPC<JSON, Int>(rpc.name), ["target": 8])
            #expect(untold == 7)
            #expect(told == 8)
        }
    }
}
