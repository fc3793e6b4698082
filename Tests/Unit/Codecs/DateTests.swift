import Foundation
import Martlet
import MartletTesting
import Testing

/// The date that was sent is the date that arrives.
@Suite(.timeLimit(.minutes(10))) struct DateTests {
    private static let between = 978_307_200.0

    /// Dates of our time with all their digits, of other times, on the edges of what a `Double` can tell apart.
    private static func dates(_ count: Int, seed: UInt64) -> [Date] {
        var random = SplitMix64(seed: seed)
        var seconds: [Double] = [
            0, -0.0, 1e-9, -1e-9, 1, -1, 0.1, -0.1, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, 1e-300, 2e-16,
            -between, -between - 1e-7, -between + 1e-7, between, 1e15 / 3, -1e15 / 3, 1e18 / 3, 1e19 / 3, -1e19 / 3,
            1e22, -1e22, 1e300, .greatestFiniteMagnitude, -.greatestFiniteMagnitude,
            Date.distantPast.timeIntervalSinceReferenceDate,
            Date.distantFuture.timeIntervalSinceReferenceDate,
        ]
        // Where the sum with the seconds between has one digit too few, and what lies on both sides of it.
        for exponent in -30...90 {
            let power = Double(sign: .plus, exponent: exponent, significand: 1)
            for edge in [power, power - between, power + between] {
                seconds += [edge, edge.nextUp, edge.nextDown, -edge, -edge.nextUp, -edge.nextDown]
            }
        }
        for _ in 0..<count {
            seconds.append(.random(in: 7e8...8e8, using: &random))
            seconds.append(.random(in: -3e7...3e7, using: &random))
            seconds.append(.random(in: -1e11...1e11, using: &random))
            let any = Double(bitPattern: .random(in: .min ... .max, using: &random))
            if any.isFinite { seconds.append(any) }
            // As people write them, and as other systems send them.
            let milliseconds = Int64.random(in: -2_000_000_000_000...2_000_000_000_000, using: &random)
            seconds.append(Double(milliseconds) / 1_000 - between)
            let microseconds = Int64.random(in: 0...2_000_000_000_000_000, using: &random)
            seconds.append(Double(microseconds) / 1_000_000 - between)
        }
        return seconds.map { Date(timeIntervalSinceReferenceDate: $0) }
    }

    @Test(arguments: CodableSemanticsTests.codecs)
    func everyFiniteDateComesBack(codec: any Codec) throws {
        for date in Self.dates(10_000, seed: 1) {
            let copy = try codec.decode(Date.self, from: codec.encode(date))
            try #require(copy == date, "of \(date.timeIntervalSinceReferenceDate)")
        }
    }

    @Test(arguments: CodableSemanticsTests.codecs)
    func alsoInsideOfOtherValues(codec: any Codec) throws {
        struct Event: Codable, Equatable {
            var at: Date
            var times: [Date]
            var named: [String: Date]
            var missing: Date?
            var interval: DateInterval
        }
        for date in Self.dates(200, seed: 2) {
            guard date.timeIntervalSinceReferenceDate.magnitude < 1e15 else { continue }
            let interval = DateInterval(start: date, duration: 0)
            let event = Event(at: date, times: [date, date], named: ["a": date], missing: date, interval: interval)
            #expect(try codec.decode(Event.self, from: codec.encode(event)) == event)
        }
    }

    /// JSON has a number, and fewer digits would be another date.
    @Test func jsonHasAsFewDigitsAsWillDo() throws {
        for date in Self.dates(2_000, seed: 3) {
            let text = try String(decoding: JSONCodec().encode(date), as: UTF8.self)
            #expect(try JSONDecoder().decode(Double.self, from: Data(text.utf8)).isFinite)
            guard !text.contains("e"), let point = text.firstIndex(of: ".") else { continue }
            let places = text.distance(from: point, to: text.endIndex) - 1
            #expect(text.last != "0")
            // The two numbers of one digit less that are nearest.
            var shorter = String(text.dropLast())
            if places == 1 { shorter.removeLast() }
            let step = Decimal(sign: .plus, exponent: -(places - 1), significand: 1)
            guard let below = Decimal(string: shorter), text.count < 30 else { continue }
            let other = text.hasPrefix("-") ? below - step : below + step
            for fewer in [below, other] {
                let decoded = try JSONCodec().decode(Date.self, from: Array("\(fewer)".utf8))
                #expect(decoded != date, "\(fewer) instead of \(text)")
            }
        }
    }

    @Test(
        arguments: [
            (0, "0"), (1.5, "1.5"), (-1.5, "-1.5"), (1_700_000_000, "1700000000"), (1_700_000_000.25, "1700000000.25"),
            (-62_135_769_600, "-62135769600"), (1e22, "1e+22"),
        ] as [(Double, String)]
    )
    func textsOfDates(seconds: Double, text: String) throws {
        let date = Date(timeIntervalSince1970: seconds)
        #expect(try String(decoding: JSONCodec().encode(date), as: UTF8.self) == text)
    }

    /// Python and others read JSON's number as the nearest that they have.
    @Test func othersSeeTheNearestNumber() throws {
        for date in Self.dates(2_000, seed: 4) {
            let other = try JSONDecoder().decode(Double.self, from: Data(JSONCodec().encode(date)))
            let seconds = date.timeIntervalSince1970
            let step = max(seconds.ulp, date.timeIntervalSinceReferenceDate.ulp)
            #expect((other - seconds).magnitude <= step)
        }
    }

    /// Whole seconds and fraction are read before they are rounded together.
    @Test func decimalsOfOthersAreReadExactly() throws {
        var random = SplitMix64(seed: 5)
        for _ in 0..<5_000 {
            let micros = Int64.random(in: 978_307_200_000_000...4_000_000_000_000_000, using: &random)
            let fraction = String(micros % 1_000_000)
            let text = "\(micros / 1_000_000)." + String(repeating: "0", count: 6 - fraction.count) + fraction
            let date = try JSONCodec().decode(Date.self, from: Array(text.utf8))
            #expect(date.timeIntervalSinceReferenceDate == Double(micros - 978_307_200_000_000) / 1e6)
        }
        for (text, seconds) in [
            ("978307200.5e0", 0.5), ("97830720050e-2", 0.5), ("9.783072005E+8", 0.5), ("978307200.000000001", 1e-9),
            ("0.00", -Self.between), ("-1", -Self.between - 1), ("1e-400", -Self.between), ("1e300", 1e300),
            ("978307200." + String(repeating: "0", count: 2_000) + "1", 0),
        ] {
            let date = try JSONCodec().decode(Date.self, from: Array(text.utf8))
            #expect(date.timeIntervalSinceReferenceDate == seconds, "\(text)")
        }
        #expect(throws: DecodingError.self) { try JSONCodec().decode(Date.self, from: Array("1e400".utf8)) }
        #expect(throws: DecodingError.self) { try JSONCodec().decode(Date.self, from: Array(#""978307200""#.utf8)) }
    }

    @Test func theFormsInMessagePack() throws {
        func encoded(_ reference: Double) throws -> [UInt8] {
            try MessagePackCodec().encode(Date(timeIntervalSinceReferenceDate: reference))
        }
        // Seconds as a number, where that is all.
        #expect(try encoded(0.5) == [0xCB] + Self.bytes(978_307_200.5))
        #expect(try encoded(.infinity) == [0xCB] + Self.bytes(.infinity))
        // A timestamp of 64 bits, and one of 96.
        #expect(try encoded(700_000_000.1).starts(with: [0xD7, 0xFF]))
        #expect(try encoded(17_179_869_183.9).starts(with: [0xC7, 12, 0xFF]))
        // Text.
        #expect(try MessagePackCodec().decode(String.self, from: encoded(1e-10)) == "978307200.0000000001")
        #expect(throws: DecodingError.self) {
            try MessagePackCodec().decode(Date.self, from: MessagePackCodec().encode("soon"))
        }
    }

    private static func bytes(_ number: Double) -> [UInt8] {
        withUnsafeBytes(of: number.bitPattern.bigEndian) { Array($0) }
    }

    /// What a timestamp becomes where JSON is wanted is the same date.
    @Test func timestampsBecomeDecimals() throws {
        for date in Self.dates(500, seed: 6) where date.timeIntervalSinceReferenceDate.magnitude < 1e15 {
            let packed = try MessagePackCodec().encode([date])
            guard [0xC7, 0xD6, 0xD7].contains(packed[1]) else { continue }
            let json = try MessagePackTransform().incoming(packed)
            #expect(try JSONCodec().decode([Date].self, from: json) == [date])
        }
    }
}
