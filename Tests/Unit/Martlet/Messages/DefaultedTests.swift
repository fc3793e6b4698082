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
            #expect(try await connection.call(RPC<JSON, Int>(rpc.name), [:]) == 7)
            #expect(try await connection.call(RPC<JSON, Int>(rpc.name), ["target": 8]) == 8)
        }
    }
}
