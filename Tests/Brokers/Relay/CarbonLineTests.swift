import Testing

@testable import MartletRelay

/// Which lines Carbon takes. What it does with the others is written beside ``CarbonLine``.
@Suite(.timeLimit(.minutes(10))) struct CarbonLineTests {
    private func problem(_ text: String) -> String? { CarbonLine.problem(in: Array(text.utf8)) }

    private func isPlain(_ text: String) -> Bool { CarbonLine.isPlain(Array(text.utf8).span) }

    @Test(arguments: [
        "a.b 1 1700000000", "a 1.5e-3 1700000000.25", "a;site=berlin;room=1 -2 0", "ü.x 1 -1", "a\t1  1700000000 ",
        "a/b +1 4294967295",
    ])
    func isTaken(_ line: String) {
        #expect(problem(line) == nil)
    }

    @Test(arguments: [
        ("", "0 fields"), ("a", "1 fields"), ("a 1", "2 fields"), ("a 1 2 3", "4 fields"), ("a b 1 2", "4 fields"),
        ("a nan 1", "finite"), ("a inf 1", "finite"), ("a 1e999 1", "finite"), ("a 0x10 1", "finite"),
        ("a x 1", "finite"),
        ("a 1_000 1", "finite"), ("a 1 -2", "time"), ("a 1 4294967296", "time"), ("a 1 x", "time"),
        ("a\u{0} 1 1", "control"),
        ("a\u{85}b 1 1", "4 fields"), ("a \u{301}1 1", "finite"), ("a 1 \u{FE0F}1", "time"),
        ("a \u{301} 1 1", "4 fields"),
    ])
    func isNotTaken(_ line: String, _ reason: String) throws {
        #expect(try #require(problem(line)).contains(reason))
    }

    @Test func aLineIsAsLongAsCarbonReads() {
        let rest = " 1 1700000000"
        #expect(problem(String(repeating: "a", count: 16_384 - rest.utf8.count) + rest) == nil)
        let tooLong = String(repeating: "a", count: 16_385 - rest.utf8.count) + rest
        #expect(problem(tooLong) != nil)
        #expect(!isPlain(tooLong))
        #expect(CarbonLine.problem(in: [0xFF, 0x20, 0x31, 0x20, 0x31]) == "it is not UTF-8")
    }

    @Test func badLinesAreTakenOutOfAMessage() throws {
        var lines = CarbonLines(prefix: Array("home.".utf8))
        let none = lines.take(Array("z 0 0".utf8))
        #expect(none?.count == nil)
        let some = lines.take(Array("a 1 1\r\n\nb x 1\nc 3 3\n \nd".utf8))
        let refused = try #require(some)
        #expect(String(decoding: lines.taken, as: UTF8.self) == "home.z 0 0\nhome.a 1 1\nhome.c 3 3\n")
        #expect(String(decoding: refused.lines, as: UTF8.self) == "b x 1\nd\n")
        #expect((refused.takenCount, refused.count) == (2, 2))
        #expect(refused.problem.contains("finite"))
    }

    /// Whatever a message holds, each of its lines is either taken or refused, and those that are taken are nothing but that.
    @Test func anyBytesAreTakenApart() {
        var random = Random(seed: 7)
        let alphabet = Array("a. 10-+e\t\r\n\n;=n\u{0}ü\u{2028}".utf8) + [0xFF, 0xC3]
        for _ in 0..<50_000 {
            let body = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                alphabet.randomElement(using: &random) ?? 0
            }
            var lines = CarbonLines(prefix: [])
            let refused = lines.take(body)
            for line in lines.taken.split(separator: UInt8(ascii: "\n")) {
                #expect(CarbonLine.problem(in: line) == nil)
            }
            #expect(refused.map { $0.lines.count(where: { $0 == UInt8(ascii: "\n") }) == $0.count } ?? true)
        }
    }

    @Test(arguments: ["a.b 1 1700000000", "a;site=berlin  -2.5   0", "zigbee.kitchen +1 4294967295"])
    func mostLinesAreSeenToBeGoodAtOnce(_ line: String) {
        #expect(isPlain(line))
    }

    /// Of lines that are nearly right some are plain, and Carbon takes each of these.
    @Test func aPlainLineIsOneThatCarbonTakes() {
        var random = Random(seed: 11)
        let fields = [
            "a", "a.b", "1", "-1", "+1", ".5", "1.5", "1.", "-", "4294967295", "4294967296", "99999999999", "1e5", "",
            "\t", "ü",
        ]
        var plain = 0
        for _ in 0..<50_000 {
            let text = (0..<3).map { _ in fields.randomElement(using: &random) ?? "" }.joined(separator: " ")
            guard isPlain(text) else { continue }
            plain += 1
            #expect(problem(text) == nil, "\(text)")
        }
        #expect(plain > 1_000)
    }
}

/// Numbers that are the same in each run.
private struct Random: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
