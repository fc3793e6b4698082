import Foundation
import Martlet
import Testing

/// MessagePack's forms, byte for byte.
@Suite struct MessagePackTests {
    private func encoded<Value: Encodable>(_ value: Value) throws -> [UInt8] { try MessagePackCodec().encode(value) }

    private func decode<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8]) throws -> Value {
        try MessagePackCodec().decode(type, from: bytes)
    }

    @Test(
        arguments: [
            (0, [0]), (127, [0x7F]), (128, [0xCC, 0x80]), (255, [0xCC, 0xFF]), (256, [0xCD, 1, 0]),
            (65_535, [0xCD, 0xFF, 0xFF]), (65_536, [0xCE, 0, 1, 0, 0]),
            (4_294_967_295, [0xCE, 0xFF, 0xFF, 0xFF, 0xFF]),
            (4_294_967_296, [0xCF, 0, 0, 0, 1, 0, 0, 0, 0]), (-1, [0xFF]), (-32, [0xE0]), (-33, [0xD0, 0xDF]),
            (-128, [0xD0, 0x80]), (-129, [0xD1, 0xFF, 0x7F]), (-32_768, [0xD1, 0x80, 0]),
            (-32_769, [0xD2, 0xFF, 0xFF, 0x7F, 0xFF]),
            (-2_147_483_649, [0xD3, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF]),
            (Int64.min, [0xD3, 0x80, 0, 0, 0, 0, 0, 0, 0]),
            (Int64.max, [0xCF, 0x7F] + [UInt8](repeating: 0xFF, count: 7)),
        ] as [(Int64, [UInt8])]
    )
    func integers(number: Int64, bytes: [UInt8]) throws {
        #expect(try encoded(number) == bytes)
        #expect(try decode(Int64.self, bytes) == number)
        #expect(try decode(Double.self, bytes) == Double(number))
    }

    /// Longer forms than necessary are read too, and whole numbers of any form.
    @Test func otherForms() throws {
        #expect(try decode(Int.self, [0xCF, 0, 0, 0, 0, 0, 0, 0, 7]) == 7)
        #expect(try decode(Int.self, [0xD3, 0, 0, 0, 0, 0, 0, 0, 7]) == 7)
        #expect(try decode(UInt8.self, [0xD1, 0, 7]) == 7)
        #expect(try decode(Int.self, [0xCA, 0x40, 0x40, 0, 0]) == 3)
        #expect(try decode(Int.self, [0xCB, 0x40, 0x08, 0, 0, 0, 0, 0, 0]) == 3)
        #expect(try decode(String.self, [0xDB, 0, 0, 0, 1, 0x61]) == "a")
        #expect(try decode([Int].self, [0xDD, 0, 0, 0, 1, 5]) == [5])
        #expect(try decode([String: Int].self, [0xDF, 0, 0, 0, 1, 0xD9, 1, 0x61, 5]) == ["a": 5])
        #expect(try decode(UInt64.self, encoded(UInt64.max)) == .max)
        #expect(throws: DecodingError.self) { try decode(Int64.self, encoded(UInt64.max)) }
        #expect(throws: DecodingError.self) { try decode(Int.self, encoded(1.5)) }
        #expect(throws: DecodingError.self) { try decode(UInt.self, encoded(-1)) }
    }

    @Test func scalars() throws {
        #expect(try encoded(true) == [0xC3])
        #expect(try encoded(false) == [0xC2])
        #expect(try encoded(Int?.none) == [0xC0])
        #expect(try encoded(1.5) == [0xCB, 0x3F, 0xF8, 0, 0, 0, 0, 0, 0])
        #expect(try encoded(Float(1.5)) == [0xCA, 0x3F, 0xC0, 0, 0])
        #expect(try decode(Double.self, encoded(Double.infinity)) == .infinity)
        #expect(try decode(Double.self, encoded(Double.nan)).isNaN)
        #expect(try decode(Float.self, encoded(0.1)) == 0.1)
        #expect(throws: DecodingError.self) { try decode(Float.self, encoded(1e300)) }
    }

    @Test(
        arguments: [
            (0, [0xA0]), (31, [0xBF]), (32, [0xD9, 32]), (255, [0xD9, 255]), (256, [0xDA, 1, 0]),
            (65_536, [0xDB, 0, 1, 0, 0]),
        ] as [(Int, [UInt8])]
    )
    func strings(count: Int, start: [UInt8]) throws {
        let text = String(repeating: "a", count: count)
        #expect(try encoded(text) == start + Array(text.utf8))
        #expect(try decode(String.self, encoded(text)) == text)
    }

    @Test(
        arguments: [
            (0, [0x90]), (15, [0x9F]), (16, [0xDC, 0, 16]), (65_535, [0xDC, 0xFF, 0xFF]), (65_536, [0xDD, 0, 1, 0, 0]),
        ] as [(Int, [UInt8])]
    )
    func arrays(count: Int, start: [UInt8]) throws {
        let bytes = start + [UInt8](repeating: 7, count: count)
        #expect(try encoded([Int](repeating: 7, count: count)) == bytes)
        #expect(try encoded([Int16](repeating: 7, count: count)) == bytes)
        #expect(try decode([Int].self, bytes).count == count)
        #expect(try decode([Int16?].self, bytes).count == count)
    }

    @Test(
        arguments: [(0, [0x80]), (15, [0x8F]), (16, [0xDE, 0, 16]), (65_536, [0xDF, 0, 1, 0, 0])] as [(Int, [UInt8])]
    )
    func maps(count: Int, start: [UInt8]) throws {
        let table = Dictionary(uniqueKeysWithValues: (0..<count).map { ("\($0)", $0) })
        let bytes = try encoded(table)
        #expect(Array(bytes.prefix(start.count)) == start)
        #expect(try decode([String: Int].self, bytes) == table)
    }

    @Test func binary() throws {
        #expect(try encoded([UInt8]([1, 2])) == [0xC4, 2, 1, 2])
        #expect(try encoded(Data(repeating: 1, count: 256)) == [0xC5, 1, 0] + [UInt8](repeating: 1, count: 256))
        #expect(try decode(Data.self, [0xC6, 0, 0, 0, 1, 9]) == Data([9]))
        #expect(try decode([UInt8].self, [0x92, 1, 2]) == [1, 2])
        #expect(try decode([UInt8].self, [0xC4, 2, 1, 2]) == [1, 2])
        #expect(throws: DecodingError.self) { try decode(String.self, [0xC4, 1, 0x61]) }
        #expect(throws: DecodingError.self) { try decode([Int].self, [0xC4, 1, 0x61]) }
    }

    @Test(
        arguments: [
            ([0xD6, 0xFF, 0, 0, 0, 5], 5), ([0xD7, 0xFF, 0x77, 0x35, 0x94, 0, 0, 0, 0, 5], 5.5),
            ([0xC7, 12, 0xFF, 0x1D, 0xCD, 0x65, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE], -1.5), ([0x05], 5),
            ([0xCB, 0x40, 0x16, 0, 0, 0, 0, 0, 0], 5.5),
        ] as [([UInt8], Double)]
    )
    func times(bytes: [UInt8], seconds: Double) throws {
        #expect(try decode(Date.self, bytes).timeIntervalSince1970 == seconds)
    }

    @Test(
        arguments: [
            [], [0xC1], [0xA1], [0xD9], [0xD9, 1], [0xA1, 0xFF], [0xA2, 0xC3, 0x28], [0x91], [0x92, 1],
            [0x81, 0xA1, 0x61],
            [0x81, 0xC0, 1], [0x81, 0x90, 1], [0x81, 0x80, 1], [0xCC], [0xCB, 1, 2], [0xC4, 2, 1], [0xD4], [0xD4, 1],
            [0xC7, 5, 1, 1], [0, 0], [0x90, 0x90], [0xDD, 0xFF, 0xFF, 0xFF, 0xFF],
            [0xDF, 0xFF, 0xFF, 0xFF, 0xFF, 0xA1, 0x61, 1],
            [0xDB, 0xFF, 0xFF, 0xFF, 0xFF], [0xC6, 0x7F, 0xFF, 0xFF, 0xFF, 0],
            [0xD7, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 5], [0xC7, 3, 0xFF, 1, 2, 3],
            [UInt8](repeating: 0x91, count: 100_000), [UInt8](repeating: 0x91, count: 513) + [0],
        ] as [[UInt8]]
    )
    func malformed(bytes: [UInt8]) {
        #expect(throws: DecodingError.self) { try decode(AnyValue.self, bytes) }
        #expect(throws: DecodingError.self) { try decode(Ignored.self, bytes) }
    }

    private struct Ignored: Decodable { init(from decoder: any Decoder) {} }

    @Test func depthIsAllowedAsInJSON() throws {
        _ = try decode(Ignored.self, [UInt8](repeating: 0x91, count: 512) + [0])
    }

    /// Whole numbers may be keys; a key that occurs twice counts the last time, whatever its form.
    @Test func keys() throws {
        #expect(try decode([Int: Bool].self, [0x82, 1, 0xC3, 0xFF, 0xC2]) == [1: true, -1: false])
        #expect(try decode([String: Int].self, [0x83, 1, 5, 0xA1, 0x31, 6, 0xA1, 0x61, 7]) == ["1": 6, "a": 7])
        let many = (0..<60 as Range<UInt8>).flatMap { [0xCC, $0, 1, 0xD0, $0, $0] as [UInt8] }
        #expect(try decode([Int: Int].self, [0xDE, 0, 120] as [UInt8] + many)[59] == 59)
        #expect(try encoded([1: true]) == [0x81, 0xA1, 0x31, 0xC3])
    }

    @Test func unknownExtensionsAreSkipped() throws {
        let bytes: [UInt8] = [0x82, 0xA1, 0x78, 0xD4, 5, 1, 0xA1, 0x79, 2]
        struct OnlyY: Decodable { var y: Int }
        #expect(try decode(OnlyY.self, bytes).y == 2)
        #expect(throws: DecodingError.self) { try decode([String: Int].self, bytes) }
    }

    @Test func aConnectionChoosesByContentType() throws {
        let codecs = Codecs(writer: MessagePackCodec())
        let message = try codecs.message(["a": 1])
        #expect(message.headers.contentType == "application/msgpack")
        #expect(message.body == [0x81, 0xA1, 0x61, 1])
        #expect(try codecs.value([String: Int].self, of: message) == ["a": 1])
        #expect(try codecs.value([String: Int].self, of: Message(#"{"a":1}"#)) == ["a": 1])
        let reader = Codecs(readers: [MessagePackCodec()])
        #expect(try reader.value([String: Int].self, of: message) == ["a": 1])
        #expect(try reader.message(["a": 1]).headers.contentType == nil)
        let foreign = Message(message.body, headers: ["content-type": "application/x-msgpack"])
        #expect(try reader.value([String: Int].self, of: foreign) == ["a": 1])
    }
}
