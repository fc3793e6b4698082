import Martlet
import MartletTesting
import Testing

/// JSON to MessagePack and back, whole documents at a time.
@Suite(.timeLimit(.minutes(10))) struct MessagePackTransformTests {
    private let transform = MessagePackTransform()

    @Test(arguments: [
        #"{"a":1,"b":[true,false,null],"c":{"d":"x","e":-1.5}}"#, "[]", "{}", #"[[],{},[[[]]],{"a":{}}]"#, #""text""#,
        "18446744073709551615", "-9223372036854775808", #"{"":[{"é":"\"\\"}]}"#, "[1.5,-0.0,1e+300]", "null",
    ])
    func whatGoesComesBack(_ json: String) throws {
        let packed = try transform.outgoing(Array(json.utf8))
        #expect(String(decoding: try transform.incoming(packed), as: UTF8.self) == json)
    }

    @Test(
        arguments: [
            (#"{"a":1,"b":"x"}"#, [0x82, 0xA1, 0x61, 0x01, 0xA1, 0x62, 0xA1, 0x78]),
            ("[300,-1]", [0x92, 0xCD, 0x01, 0x2C, 0xFF]),
            (#" [ "\u0061" ] "#, [0x91, 0xA1, 0x61]),
        ] as [(String, [UInt8])]
    )
    func isMessagePack(_ json: String, _ bytes: [UInt8]) throws {
        #expect(try transform.outgoing(Array(json.utf8)) == bytes)
    }

    @Test(
        arguments: [
            ([0x81, 0x05, 0xC0], #"{"5":null}"#), ([0xC4, 0x02, 0x01, 0x02], #""AQI=""#),
            ([0xD6, 0xFF, 0, 0, 0, 7], "7"), ([0xCA, 0x7F, 0xC0, 0, 0], "NaN"),
            (Array(#"{"json":1}"#.utf8), #"{"json":1}"#),
        ] as [([UInt8], String)]
    )
    func whatOthersWriteIsRead(_ bytes: [UInt8], _ json: String) throws {
        #expect(String(decoding: try transform.incoming(bytes), as: UTF8.self) == json)
    }

    @Test func theDeepestIsRead() throws {
        let deep = String(repeating: "[", count: 500) + String(repeating: "]", count: 500)
        #expect(try transform.incoming(transform.outgoing(Array(deep.utf8))) == Array(deep.utf8))
        let tooDeep = [UInt8](repeating: 0x91, count: 100_000) + [0xC0]
        #expect(throws: DecodingError.self) { try transform.incoming(tooDeep) }
    }

    @Test func whatIsBrokenIsAnError() throws {
        #expect(throws: DecodingError.self) { try transform.outgoing(Array("no".utf8)) }
        for bytes: [UInt8] in [
            [0xC1], [0x92, 0x01], [0xDF, 0xFF, 0xFF, 0xFF, 0xFF], [0xD4, 0x05, 0x00], [0x81, 0xC0, 0xC0],
        ] {
            #expect(throws: DecodingError.self, "\(bytes)") { try transform.incoming(bytes) }
        }
    }

    /// Whatever comes, it is text that JSON has, or an error.
    @Test func mutatedBytesMakeJSONOrAnError() throws {
        let seed = UInt64(20)
        var generator = SplitMix64(seed: seed)
        let start = try transform.outgoing(
            Array(#"{"data":{"a":[1,2.5,null,"é"],"b":{"c":true}},"header":{"n":300}}"#.utf8)
        )
        for _ in 0..<20_000 {
            var bytes = start
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                bytes[index] = .random(in: 0...255, using: &generator)
            }
            guard let text = try? transform.incoming(bytes) else { continue }
            #expect(throws: Never.self, "seed \(seed): \(bytes)") { try transform.outgoing(text) }
        }
    }
}
