import Foundation
import Martlet
import MartletTesting
import Testing

/// Foundation's coder reads what this one writes and the other way round, as the same values.
@Suite(.timeLimit(.minutes(10))) struct JSONAgainstFoundationTests {
    private static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .secondsSince1970
        return encoder
    }

    private static var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .secondsSince1970
        return decoder
    }

    @Test(arguments: 0..<4 as Range<UInt64>)
    func bothWays(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<100 {
            let value = Zoo.All.random(&random)
            let own = try JSONCodec().encode(value)
            let foundation = try Self.encoder.encode(value)
            #expect(try Self.decoder.decode(Zoo.All.self, from: Data(own)) == value)
            #expect(try JSONCodec().decode(Zoo.All.self, from: Array(foundation)) == value)
            let anything = try JSONCodec().decode(AnyValue.self, from: own)
            #expect(try Self.decoder.decode(AnyValue.self, from: Data(own)) == anything)
        }
    }

    /// Every double is read and written exactly; what is written has no more digits than Swift's own description.
    @Test func doubles() throws {
        var random = SplitMix64(seed: 11)
        for round in 0..<20_000 {
            var number = Double(bitPattern: UInt64.random(in: .min ... .max, using: &random))
            if round % 2 == 0 {
                let digits = Double(Int.random(in: -99_999_999...99_999_999, using: &random))
                number = digits / Double(10 ** Int.random(in: 0...12, using: &random))
            }
            guard number.isFinite else { continue }
            let text = try JSONCodec().encode(number)
            #expect(text.count <= number.description.utf8.count)
            #expect(try JSONCodec().decode(Double.self, from: text).bitPattern == number.bitPattern)
            #expect(Double(String(decoding: text, as: UTF8.self))?.bitPattern == number.bitPattern)
            #expect(try Self.decoder.decode(Double.self, from: Data(text)) == number)
        }
    }

    @Test func floats() throws {
        var random = SplitMix64(seed: 12)
        for _ in 0..<20_000 {
            let number = Float(bitPattern: UInt32.random(in: .min ... .max, using: &random))
            guard number.isFinite else { continue }
            let text = try JSONCodec().encode(number)
            #expect(text.count <= number.description.utf8.count)
            #expect(try JSONCodec().decode(Float.self, from: text).bitPattern == number.bitPattern)
        }
    }

    /// Random digits, points and exponents are read as the standard library reads them.
    @Test func decimals() throws {
        var random = SplitMix64(seed: 13)
        for _ in 0..<20_000 {
            func digits(_ count: ClosedRange<Int>) -> String {
                (0..<Int.random(in: count, using: &random))
                    .map { _ in String(Int.random(in: 0...9, using: &random)) }.joined()
            }
            var text = ["", "-"].randomElement(using: &random) ?? ""
            text += "\(Int.random(in: 1...9, using: &random))" + digits(0...25)
            if Bool.random(using: &random) { text += "." + digits(1...25) }
            if Bool.random(using: &random) { text += "e\(Int.random(in: -340...330, using: &random))" }
            let wanted = Double(text).flatMap { $0.isFinite ? $0 : nil }
            #expect((try? JSONCodec().decode(Double.self, from: Array(text.utf8))) == wanted, "\(text)")
            let float = Float(text).flatMap { $0.isFinite ? $0 : nil }
            #expect((try? JSONCodec().decode(Float.self, from: Array(text.utf8))) == float, "\(text)")
            #expect((try? JSONCodec().decode(Int64.self, from: Array(text.utf8))) == Int64(exactly: text), "\(text)")
        }
    }
}

infix operator ** : MultiplicationPrecedence

private func ** (base: Int, exponent: Int) -> Int { (0..<exponent).reduce(1) { product, _ in product * base } }

extension Int64 {
    /// The whole number that a decimal is, if it is one and fits.
    fileprivate init?(exactly text: String) {
        let parts = text.split(separator: "e")
        let mantissa = parts[0].split(separator: ".")
        let exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        let fraction = mantissa.count > 1 ? String(mantissa[1]) : ""
        var digits = String(mantissa[0]) + fraction
        let shift = exponent - fraction.count
        if shift >= 0 {
            digits += String(repeating: "0", count: shift)
        } else {
            let dropped = digits.suffix(-shift).drop { $0 == "-" }
            guard dropped.allSatisfy({ $0 == "0" }) else { return nil }
            digits = String(digits.dropLast(-shift))
            if digits.isEmpty || digits == "-" { digits = "0" }
        }
        self.init(digits)
    }
}
