import Foundation
import Martlet
import MartletTesting
import Testing

/// What `Codable` types may do with an encoder and a decoder, for each codec.
@Suite(.timeLimit(.minutes(10))) struct CodableSemanticsTests {
    static let codecs: [any Codec] = [JSONCodec(), MessagePackCodec()]

    private func copy<Value: Codable>(_ value: Value, _ codec: any Codec) throws -> Value {
        try codec.decode(Value.self, from: codec.encode(value))
    }

    @Test(arguments: codecs)
    func randomValues(codec: any Codec) throws {
        var random = SplitMix64(seed: 3)
        for _ in 0..<300 {
            let value = Zoo.All.random(&random)
            let again = try copy(value, codec)
            #expect(again == value)
        }
    }

    @Test(arguments: codecs)
    func classes(codec: any Codec) throws {
        let dog = try copy(Zoo.Dog(name: "Rex", tricks: ["sit", "roll"]), codec)
        #expect(dog.name == "Rex")
        #expect(dog.tricks == ["sit", "roll"])
        let cat = try copy(Zoo.Cat(name: "Tom", lives: 9), codec)
        #expect(cat.name == "Tom")
        #expect(cat.lives == 9)
    }

    @Test func classesInJSON() throws {
        let dog = try JSONCodec().encode(Zoo.Dog(name: "Rex", tricks: ["sit"]))
        #expect(String(decoding: dog, as: UTF8.self) == #"{"super":{"name":"Rex"},"tricks":["sit"]}"#)
        let cat = try JSONCodec().encode(Zoo.Cat(name: "Tom", lives: 9))
        #expect(String(decoding: cat, as: UTF8.self) == #"{"lives":9,"name":"Tom"}"#)
    }

    @Test(arguments: codecs)
    func scalarsAlone(codec: any Codec) throws {
        #expect(try copy(7, codec) == 7)
        #expect(try copy(-1.5 as Double, codec) == -1.5 as Double)
        #expect(try copy("é\"", codec) == "é\"")
        #expect(try copy(true, codec))
        #expect(try copy(Int?.none, codec) == nil)
        #expect(try copy([Int](), codec).isEmpty)
        #expect(try copy([String: Int](), codec).isEmpty)
        #expect(try copy(Date(timeIntervalSince1970: 1.5), codec) == Date(timeIntervalSince1970: 1.5))
        #expect(try copy(Data([1, 255]), codec) == Data([1, 255]))
        #expect(try copy(Float16(1.5), codec) == 1.5)
        #expect(try copy(Duration.milliseconds(1_500), codec) == .milliseconds(1_500))
        #expect(try copy(Zoo.Level.high, codec) == .high)
        #expect(try copy(1...3, codec) == 1...3)
        for number in [UInt64.max, 0, 1 << 63] { #expect(try copy(number, codec) == number) }
        for number in [Int64.min, .max, -1] { #expect(try copy(number, codec) == number) }
        #expect(try copy(Int128(Int64.min), codec) == Int128(Int64.min))
        #expect(try copy(UInt128(7), codec) == 7)
        for number in [Double.leastNonzeroMagnitude, .greatestFiniteMagnitude, -0.0, 0.1, 1e300] {
            #expect(try copy(number, codec).bitPattern == number.bitPattern)
        }
    }

    @Test func wideIntegersInJSON() throws {
        #expect(try copy(Int128.min, JSONCodec()) == .min)
        #expect(try copy(UInt128.max, JSONCodec()) == .max)
        #expect(throws: EncodingError.self) { try MessagePackCodec().encode(Int128.min) }
    }

    /// Containers that are written to in turn, and one that is never written to.
    @Test func interleavedContainers() throws {
        let value = Zoo.Interleaved(left: [1, 2, 3], right: ["a": 1, "b": 2], last: 3)
        let text = try String(decoding: JSONCodec().encode(value), as: UTF8.self)
        #expect(text == #"{"unused":{},"left":[1,2,3],"right":{"a":1,"b":2},"last":3}"#)
    }

    /// More elements than the shortest form of MessagePack can count, around containers that are written to late.
    @Test(arguments: codecs)
    func manyMembers(codec: any Codec) throws {
        struct Wide: Codable, Equatable {
            var inner: [Zoo.Interleaved]
            var keys: [String: Int]

            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Zoo.AnyKey.self)
                var elements = container.nestedUnkeyedContainer(forKey: Zoo.AnyKey("inner"))
                try container.encode(keys, forKey: Zoo.AnyKey("keys"))
                for number in 0..<20 { try container.encode(number, forKey: Zoo.AnyKey("more\(number)")) }
                for element in inner { try elements.encode(element) }
            }
        }
        let right = Dictionary(uniqueKeysWithValues: (0..<70_000).map { ("\($0)", $0) })
        let one = Zoo.Interleaved(left: Array(0..<20), right: ["a": 1], last: 3)
        let value = Wide(inner: Array(repeating: one, count: 40), keys: right)
        #expect(try copy(value, codec) == value)
        let again = Wide(inner: Array(repeating: one, count: 40), keys: right.filter { _ in true })
        #expect(try codec.encode(again) == codec.encode(value))
    }

    @Test func dictionariesAreSorted() throws {
        let value = ["b": 1, "a": 2, "": 3, "a!": 4, "ab": 5, "é": 6]
        let text = try String(decoding: JSONCodec().encode(value), as: UTF8.self)
        #expect(text == #"{"":3,"a":2,"a!":4,"ab":5,"b":1,"é":6}"#)
        #expect(try JSONCodec().decode([String: Int].self, from: Array(text.utf8)) == value)
    }

    @Test func membersAreInTheOrderOfTheType() throws {
        let text = try String(decoding: JSONCodec().encode(Zoo.Place(x: 1, y: 2)), as: UTF8.self)
        #expect(text == #"{"x":1,"y":2}"#)
    }

    @Test(arguments: codecs)
    func orderOfMembersDoesNotMatter(codec: any Codec) throws {
        struct Backward: Codable {
            var e = "e"
            var d = [1]
            var c = ["x": 1.5]
            var b = 2
            var a = 1
        }
        struct Forward: Codable, Equatable {
            var a: Int
            var none: Int?
            var b: Int
            var c: [String: Double]
            var d: [Int]
            var e: String
        }
        let value = try codec.decode(Forward.self, from: codec.encode(Backward()))
        #expect(value == Forward(a: 1, none: nil, b: 2, c: ["x": 1.5], d: [1], e: "e"))
    }

    @Test func typesFindTheUserInfo() throws {
        struct Asks: Codable {
            static let key = CodingUserInfoKey(rawValue: "unit")
            init() {}
            init(from decoder: any Decoder) throws {
                #expect(Self.key.flatMap { decoder.userInfo[$0] as? String } == "metre")
            }
            func encode(to encoder: any Encoder) throws {
                #expect(Self.key.flatMap { encoder.userInfo[$0] as? String } == "metre")
                var container = encoder.singleValueContainer()
                try container.encode(1)
            }
        }
        let key = try #require(Asks.key)
        for codec in [JSONCodec(userInfo: [key: "metre"]), MessagePackCodec(userInfo: [key: "metre"])] as [any Codec] {
            _ = try copy([Asks()], codec)
        }
    }

    /// A type that catches an error goes on as if it had not tried.
    @Test(arguments: codecs)
    func failedMembersLeaveNothingBehind(codec: any Codec) throws {
        struct Fails: Encodable {
            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Zoo.AnyKey.self)
                try container.encode(1, forKey: Zoo.AnyKey("half"))
                var nested = container.nestedUnkeyedContainer(forKey: Zoo.AnyKey("nested"))
                try nested.encode(1)
                throw CancellationError()
            }
        }
        struct Tries: Encodable {
            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Zoo.AnyKey.self)
                try container.encode(1, forKey: Zoo.AnyKey("a"))
                try? container.encode([[Fails()]], forKey: Zoo.AnyKey("b"))
                var nested = container.nestedUnkeyedContainer(forKey: Zoo.AnyKey("c"))
                try? nested.encode(Fails())
                try? nested.encode(["x": Fails()])
                try nested.encode(2)
            }
        }
        let value = try codec.decode(AnyValue.self, from: codec.encode(Tries()))
        #expect(value == .object(["a": .integer(1), "c": .array([.integer(2)])]))
    }

    @Test(arguments: codecs)
    func nothingIsAnEmptyObject(codec: any Codec) throws {
        struct Silent: Encodable { func encode(to encoder: any Encoder) {} }
        #expect(try codec.decode(AnyValue.self, from: codec.encode([Silent()])) == .array([.object([:])]))
        #expect(throws: EncodingError.self) { try codec.encode(Silent()) }
    }

    @Test(arguments: codecs)
    func twoKindsAtOnceAreAnError(codec: any Codec) {
        struct Confused: Encodable {
            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Zoo.AnyKey.self)
                try container.encode(1, forKey: Zoo.AnyKey("a"))
                var list = encoder.unkeyedContainer()
                try list.encode(1)
            }
        }
        struct Twice: Encodable {
            func encode(to encoder: any Encoder) throws {
                var container = encoder.singleValueContainer()
                try container.encode(1)
                try container.encode(2)
            }
        }
        #expect(throws: EncodingError.self) { try codec.encode(Confused()) }
        #expect(throws: EncodingError.self) { try codec.encode([Confused()]) }
        #expect(throws: EncodingError.self) { try codec.encode(Twice()) }
    }

    @Test(arguments: codecs)
    func depthIsBounded(codec: any Codec) throws {
        func nested(_ depth: Int) -> AnyValue {
            (0..<depth).reduce(AnyValue.null) { value, _ in .array([value]) }
        }
        let deep = nested(100)
        #expect(try copy(deep, codec) == deep)
        // Each array is a value inside a value here, so half of the limit.
        #expect(throws: EncodingError.self) { try codec.encode(nested(520)) }
    }
}
