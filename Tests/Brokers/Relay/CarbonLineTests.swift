import Testing

@testable import MartletRelay

/// Which lines Carbon takes. What it does with the others is written beside ``CarbonLine``.
@Suite(.timeLimit(.minutes(10))) struct CarbonLineTests {
    private func problem(_ text: String) -> String? { CarbonLine.problem(in: Array(text.utf8)) }

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
        ("a\u{85}b 1 1", "4 fields"),
    ])
    func isNotTaken(_ line: String, _ reason: String) throws {
        #expect(try #require(problem(line)).contains(reason))
    }

    @Test func aLineIsAsLongAsCarbonReads() {
        let rest = " 1 1700000000"
        #expect(problem(String(repeating: "a", count: 16_384 - rest.utf8.count) + rest) == nil)
        #expect(problem(String(repeating: "a", count: 16_385 - rest.utf8.count) + rest) != nil)
        #expect(CarbonLine.problem(in: [0xFF, 0x20, 0x31, 0x20, 0x31]) == "it is not UTF-8")
    }

    @Test func badLinesAreTakenOutOfAMessage() {
        let lines = CarbonLines(Array("a 1 1\r\n\nb x 1\nc 3 3\n \nd".utf8), prefix: Array("home.".utf8))
        #expect(String(decoding: lines.good, as: UTF8.self) == "home.a 1 1\nhome.c 3 3\n")
        #expect(String(decoding: lines.bad, as: UTF8.self) == "b x 1\nd\n")
        #expect((lines.goodCount, lines.badCount) == (2, 2))
        #expect(lines.problem.contains("finite"))
    }

    /// Whatever a message holds, each of its lines is either good or bad, and good ones are nothing but that.
    @Test func anyBytesAreTakenApart() {
        var random = Random(seed: 7)
        let alphabet = Array("a. 10-+e\t\r\n\n;=n\u{0}ü\u{2028}".utf8) + [0xFF, 0xC3]
        for _ in 0..<50_000 {
            let body = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                alphabet.randomElement(using: &random) ?? 0
            }
            let lines = CarbonLines(body, prefix: [])
            for line in lines.good.split(separator: UInt8(ascii: "\n")) { #expect(CarbonLine.problem(in: line) == nil) }
            #expect(lines.good.count(where: { $0 == UInt8(ascii: "\n") }) == lines.goodCount)
            #expect(lines.bad.count(where: { $0 == UInt8(ascii: "\n") }) == lines.badCount)
        }
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
