import Foundation
import Martlet
import Testing

/// Documents in the manner of the public test suites for JSON parsers, each as the hexadecimal digits of its bytes.
@Suite struct JSONGrammarTests {
    private func decoded(_ bytes: [UInt8]) throws -> AnyValue { try JSONCodec().decode(AnyValue.self, from: bytes) }

    private static func bytes(_ digits: String) -> [UInt8] {
        let digits = Array(digits.utf8)
        return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
            UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16)
        }
    }

    /// What every reader has to accept: it is the value that Foundation reads. (Of a key that occurs twice Foundation
    /// takes the first; that is another test.)
    @Test(arguments: [
        "5b5b5d2020205d", "5b22225d", "5b5d", "5b2261225d", "5b66616c73655d", "5b6e756c6c2c20312c202231222c207b7d5d",
        "5b6e756c6c5d", "5b310a5d", "205b315d", "5b312c6e756c6c2c6e756c6c2c6e756c6c2c325d", "5b325d20",
        "5b3132336536355d", "5b30652b315d", "5b3065315d", "5b20345d",
        "5b2d302e3030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030303030315d0a",
        "5b323065315d", "5b2d305d", "5b2d3132335d", "5b2d315d", "5b2d305d", "5b314532325d", "5b31452d325d",
        "5b31452b325d", "5b3132336534355d", "5b3132332e3435366537385d", "5b31652d325d", "5b31652b325d", "5b3132335d",
        "5b3132332e3435363738395d", "7b22617364223a22736466222c2022646667223a22666768227d",
        "7b22617364223a22736466227d", "7b2261223a2262222c2261223a2262227d",
        "7b7d", "7b22223a307d", "7b22666f6f5c7530303030626172223a2034327d",
        "7b20226d696e223a202d312e30652b32382c20226d6178223a20312e30652b3238207d", "7b2261223a5b5d7d",
        "7b0a2261223a202262220a7d", "5b225c75303036305c75303132615c7531324142225d",
        "5b225c75443830315c7564633337225d", "5b225c75643833645c75646533395c75643833645c7564633864225d",
        "5b225c225c5c5c2f5c625c665c6e5c725c74225d", "5b225c5c7530303030225d", "5b225c22225d",
        "5b22612f2a622a2f632f2a642f2f65225d", "5b225c5c61225d", "5b225c5c6e225d", "5b225c7530303132225d",
        "5b225c7546464646225d", "5b22617364225d", "5b2022617364225d", "5b225c75444246465c7544464646225d",
        "5b226e65775c75303041306c696e65225d", "5b22f48fbfbf225d", "5b22efbfbf225d", "5b225c7530303030225d",
        "5b225c7530303263225d", "5b22cf80225d", "5b22f09bbfbf225d", "5b2261736420225d", "222022",
        "5b225c75443833345c7544643165225d", "5b225c7530383231225d", "5b225c7530313233225d", "5b22e280a8225d",
        "5b22e280a9225d", "5b225c75303036315c75333061665c75333045415c7533306239225d",
        "5b226e65775c75303030416c696e65225d", "5b227f225d", "5b225c7541363644225d", "5b225c7530303543225d",
        "5b22e28d82e388b4e28d82225d", "5b225c75444246465c7544464645225d", "5b225c75443833465c7544464645225d",
        "5b225c7532303042225d", "5b225c7532303634225d", "5b225c7546444430225d", "5b225c7546464645225d",
        "5b225c7530303232225d", "5b22e282acf09d849e225d", "5b22617f61225d", "66616c7365", "3432", "2d302e31",
        "6e756c6c", "2261736422", "74727565", "2222", "5b2261225d0a", "5b747275655d", "205b5d20",
    ])
    func accepted(digits: String) throws {
        let bytes = Self.bytes(digits)
        let value = try decoded(bytes)
        #expect(try value == JSONDecoder().decode(AnyValue.self, from: Data(bytes)))
        #expect(try decoded(JSONCodec().encode(value)) == value)
    }

    /// What no reader may accept.
    @Test(arguments: [
        "5b3120747275655d", "5b61e55d", "5b22223a20315d", "5b22225d2c", "5b2c315d", "5b312c2c325d", "5b2278222c2c5d",
        "5b2278225d5d", "5b22222c5d", "5b227822", "5b78", "5b335b345d5d", "5bff5d", "5b313a325d", "5b2c5d", "5b2d5d",
        "5b2020202c2022225d", "5b2261222c0a340a2c312c", "5b312c5d", "5b312c2c5d", "5b220b61225c665d", "5b2a5d",
        "5b2222", "5b312c", "5b312c0a310a2c31", "5b7b7d", "5b66616c735d", "5b6e756c5d", "5b7472755d", "31323300",
        "5b2b2b313233345d", "5b2b315d", "5b2b496e665d", "5b2d30315d", "5b2d312e302e5d", "5b2d322e5d", "5b2d4e614e5d",
        "5b2e2d315d", "5b2e32652d335d", "5b302e312e325d", "5b302e33652b5d", "5b302e33655d", "5b302e65315d",
        "5b30452b5d", "5b30455d", "5b30652b5d", "5b30655d", "5b312e30652b5d", "5b312e30652d5d", "5b312e30655d",
        "5b31203030302e305d", "5b316545325d", "5b322e652b335d", "5b322e652d335d", "5b322e65335d", "5b392e652b5d",
        "5b496e665d", "5befbc915d", "5b312b325d", "5b3078315d", "5b307834325d", "5b30652b2d315d",
        "5b2d3132332e313233666f6f5d", "5b313233e55d", "5b316531e55d", "5b30e55d0a", "5b2d666f6f5d", "5b2d20315d",
        "5b2d3031325d", "5b2d2e3132335d", "5b2d31785d", "5b3165615d", "5b3165e55d", "5b312e5d", "5b2e3132335d",
        "5b312e32612d335d", "5b312e38303131363730303333333736353134482d3330385d", "5b3031325d",
        "5b2278222c2074727574685d", "7b5b3a202278227d0a", "7b2278222c206e756c6c7d", "7b2278223a3a2262227d",
        "7bf09f87a8f09f87ad7d", "7b2261223a226122203132337d", "7b6b65793a202776616c7565277d", "7b22b9223a2230222c7d",
        "7b22612220627d", "7b3a2262227d", "7b226122202262227d", "7b2261223a", "7b226122", "7b313a317d",
        "7b3939393945393939393a317d", "7b6e756c6c3a6e756c6c2c6e756c6c3a6e756c6c7d", "7b226964223a302c2c2c2c2c7d",
        "7b2761273a307d", "7b226964223a302c7d", "7b2261223a2262227d2f2a2a2f", "7b2261223a2262227d2f2a2a2f2f",
        "7b2261223a2262227d2f2f", "7b2261223a2262227d2f", "7b2261223a2262222c2c2263223a2264227d", "7b613a202262227d",
        "7b2261223a2261", "7b2022666f6f22203a2022626172222c20226122207d", "7b2261223a2262227d23", "20",
        "5b225c75443830305c225d", "5b225c75443830305c75225d", "5b225c75443830305c7531225d",
        "5b225c75443830305c753178225d", "5bc3a95d", "5b225c00225d", "5b225c783030225d", "5b225c5c5c225d",
        "5b225c09225d", "5b225cf09f8c80225d", "5b225c225d", "5b225c75303041225d", "5b225c75443833345c754464225d",
        "5b225c75443830305c75443830305c78225d", "5b225c75e5225d", "5b225c61225d", "5b225c7571717171225d",
        "5b225ce5225d", "5b5c753030323022617364225d", "5b5c6e5d", "22", "5b2773696e676c652071756f7465275d", "616263",
        "5b225c", "5b22610061225d", "5b226e65770a6c696e65225d", "5b2209225d", "225c554136364422", "222278",
        "5be281a05d", "efbbbf", "3c2e3e", "5b3c6e756c6c3e5d", "5b315d78", "5b315d5d", "5b226173645d", "61c3a5",
        "5b547275655d", "315d", "7b2278223a20747275652c", "5b5d5b5d", "5d", "efbb7b7d", "e5", "5b", "", "5b005d",
        "3240", "7b7d7d", "7b22223a", "7b2261223a2f2a636f6d6d656e742a2f2262227d", "7b2261223a20747275657d20227822",
        "5b27", "5b2c", "5b7b", "5b2261", "5b226122", "7b", "7b5d", "7b2c", "7b5b", "7b2261", "7b276127",
        "5b225c7b5b225c7b5b225c7b5b225c7b", "e9", "2a", "7b2261223a2262227d237b7d", "5b5c753030304122225d", "5b31",
        "5b2066616c73652c206e756c", "5b20747275652c2066616c73", "5b2066616c73652c20747275",
        "7b22617364223a2261736422", "c3a5", "5be281a05d", "5b0c5d",
    ])
    func refused(digits: String) {
        #expect(throws: DecodingError.self) { try decoded(Self.bytes(digits)) }
    }

    @Test(arguments: [String(repeating: "[", count: 100_000), String(repeating: #"[{"":"#, count: 50_000) + "\n"])
    func refusedAtAnyLength(text: String) {
        #expect(throws: DecodingError.self) { try decoded(Array(text.utf8)) }
    }

    /// What some peers write although it is no JSON.
    @Test(arguments: [("[NaN]", Double.nan), ("[Infinity]", .infinity), ("[-Infinity]", -.infinity)])
    func wordsForNumbers(text: String, number: Double) throws {
        let value = try JSONCodec().decode([Double].self, from: Array(text.utf8))
        #expect(value.first?.description == number.description)
        #expect(try JSONCodec().decode([Float].self, from: Array(text.utf8)).first?.description == number.description)
    }

    // Where readers may differ:

    /// Numbers that are larger than any integer, or smaller than any but zero, are the nearest `Double`.
    @Test(arguments: [
        "5b3132332e343536652d3738395d", "5b313233652d31303030303030305d",
        "5b2d3132333132333132333132333132333132333132333132333132333132335d",
        "5b3130303030303030303030303030303030303030305d",
        "5b2d3233373436323337343637333237363839343237393833323734393833323432333437393832333234363332373834365d",
    ])
    func numbersWithoutBounds(digits: String) throws {
        let bytes = Self.bytes(digits)
        let text = String(decoding: bytes.dropFirst().dropLast(), as: UTF8.self)
        #expect(try JSONCodec().decode([Double].self, from: bytes) == [Double(text)])
    }

    /// A number past the largest `Double`, bytes that are not UTF-8, and byte order marks are refused.
    @Test(arguments: [
        "5b2d31652b393939395d", "5b312e35652b393939395d", "5b2d313233313233653130303030305d",
        "5b313233313233653130303030305d", "fffe5b002200e90022005d00", "5b22e697a5d188fa225d", "5b22eda080225d",
        "5b22ff225d", "5b22e9225d", "5b2281225d", "5b22f4bfbfbf225d", "5b22c0af225d", "5b22fc83bfbfbfbf225d",
        "5b22fc8080808080225d", "5b22e0ff225d", "005b002200e90022005d", "5b002200e90022005d00", "efbbbf7b7d",
    ])
    func refusedByThisReader(digits: String) {
        #expect(throws: DecodingError.self) { try JSONCodec().decode([Double].self, from: Self.bytes(digits)) }
        #expect(throws: DecodingError.self) { try JSONCodec().decode([String].self, from: Self.bytes(digits)) }
        #expect(throws: DecodingError.self) { try decoded(Self.bytes(digits)) }
    }

    /// Half of a surrogate pair is in the grammar, but it is no character: a string with one is refused where it is
    /// wanted, and does no harm where not.
    @Test(arguments: [
        "7b225c7544464141223a307d", "5b225c7544414441225d", "5b225c75443838385c7531323334225d",
        "5b225c75443830305c6e225d", "5b225c754464316561225d", "5b225c75443830305c75443830305c6e225d",
        "5b225c7564383030225d", "5b225c7564383030616263225d", "5b225c75446431655c7544383334225d",
        "5b225c7544464141225d",
    ])
    func halvesOfPairs(digits: String) throws {
        let bytes = Self.bytes(digits)
        #expect(throws: DecodingError.self) { try JSONCodec().decode([String].self, from: bytes) }
        let around = Array(#"{"a":1,"b":"#.utf8) + bytes + Array("}".utf8)
        #expect(try JSONCodec().decode(OnlyA.self, from: around).a == 1)
    }

    private struct OnlyA: Decodable { var a: Int }
}
