import Martlet
import Testing

/// Numbers at the edges of what a type holds, and in unusual notations.
@Suite struct JSONNumberTests {
    private func decode<Value: Decodable>(_ type: Value.Type, _ text: String) -> Value? {
        try? JSONCodec().decode(type, from: Array(text.utf8))
    }

    @Test func edges() {
        #expect(decode(Int64.self, "9223372036854775807") == .max)
        #expect(decode(Int64.self, "-9223372036854775808") == .min)
        #expect(decode(Int64.self, "9223372036854775808") == nil)
        #expect(decode(Int64.self, "-9223372036854775809") == nil)
        #expect(decode(UInt64.self, "18446744073709551615") == .max)
        #expect(decode(UInt64.self, "18446744073709551616") == nil)
        #expect(decode(UInt64.self, "-1") == nil)
        #expect(decode(UInt8.self, "255") == 255)
        #expect(decode(UInt8.self, "256") == nil)
        #expect(decode(Int8.self, "-128") == -128)
        #expect(decode(Int8.self, "-129") == nil)
        #expect(decode(Int128.self, "-170141183460469231731687303715884105728") == .min)
        #expect(decode(UInt128.self, "340282366920938463463374607431768211456") == nil)
    }

    @Test func wholeNumbersInOtherNotations() {
        for text in ["3.0", "3e0", "30e-1", "0.3E1", "3.000000000000000000000000000", "0.00000000003e+11"] {
            #expect(decode(Int.self, text) == 3, "\(text)")
        }
        #expect(decode(Int64.self, "9223372036854775807.0") == .max)
        #expect(decode(Int64.self, "922337203685477580.7e1") == .max)
        #expect(decode(Int.self, "-0") == 0)
        #expect(decode(UInt.self, "-0.0") == 0)
        #expect(decode(Int.self, "0e99999999999999999999999") == 0)
        #expect(decode(Int.self, "0.0000e-99999999999999999999") == 0)
        for text in ["3.5", "1e-1", "1e19", "1e99999999999999999999", "1e-99999999999999999999", "1e400"] {
            #expect(decode(Int.self, text) == nil, "\(text)")
        }
    }

    @Test func wholeNumbersForOthers() {
        #expect(decode(Double.self, "3") == 3)
        #expect(decode(Float.self, "16777217") == 16_777_216)
        #expect(decode(Double.self, "9007199254740993") == 9_007_199_254_740_992)
        #expect(decode(Double.self, "-0").map { $0.sign } == .minus)
    }

    /// A number exactly between two doubles goes to the even one, and a digit far behind turns it.
    @Test func ties() {
        let tie = "9007199254740993"
        let zeros = String(repeating: "0", count: 2_000)
        #expect(decode(Double.self, "\(tie).\(zeros)") == 9_007_199_254_740_992)
        #expect(decode(Double.self, "\(tie).\(zeros)1") == 9_007_199_254_740_994)
        #expect(decode(Double.self, "0.\(zeros)\(tie)\(zeros)1e2016") == 9_007_199_254_740_994)
        #expect(decode(Double.self, "-\(tie)\(zeros)1e-2001") == -9_007_199_254_740_994)
        #expect(decode(Double.self, "0.\(zeros)") == 0)
        #expect(decode(Double.self, "-0.\(zeros)").map { $0.sign } == .minus)
    }

    @Test func tooLargeIsNotInfinity() {
        #expect(decode(Double.self, "1e309") == nil)
        #expect(decode(Double.self, "-1e309") == nil)
        #expect(decode(Float.self, "1e39") == nil)
        #expect(decode(Double.self, "1e-400") == 0)
        #expect(decode(Float16.self, "65520") == nil)
        #expect(decode(Float16.self, "65504") == 65_504)
    }

    @Test func numbersAreNotText() {
        #expect(decode(Int.self, #""3""#) == nil)
        #expect(decode(String.self, "3") == nil)
        #expect(decode(Bool.self, "1") == nil)
        #expect(decode(Int.self, "true") == nil)
    }

    @Test(arguments: [
        (0.0, "0"), (-0.0, "-0.0"), (1, "1"), (-1.5, "-1.5"), (0.001, "0.001"), (123.456, "123.456"),
        (1e15, "1000000000000000"),
        (1e16, "1e+16"), (0.1 + 0.2, "0.30000000000000004"), (9_007_199_254_740_991, "9007199254740991"),
        (12_345.67891, "12345.67891"), (999_999_999.99999, "999999999.99999"), (-0.05, "-0.05"), (1e-7, "1e-07"),
        (2.5e-5, "2.5e-05"), (100.5, "100.5"), (3.00001, "3.00001"),
    ])
    func shortestDecimals(number: Double, text: String) throws {
        #expect(try String(decoding: JSONCodec().encode(number), as: UTF8.self) == text)
    }
}
