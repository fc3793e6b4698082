import Foundation
import Testing

@testable import MartletRedis

@Suite(.timeLimit(.minutes(5))) struct ReplyReaderTests {
    /// One of each kind, one inside the other, and what they mean.
    private static let wire = Array(
        "+OK\r\n-ERR no\r\n:-42\r\n$5\r\nhe\r\nl\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n*3\r\n:1\r\n*2\r\n$1\r\nx\r\n$-1\r\n*0\r\n"
            .utf8
    )
    private static let values: [RedisValue] = [
        .status("OK"), .error(RedisError("ERR no")), .integer(-42), .bytes(Array("he\r\nl".utf8)), .bytes([]), .null,
        .null, .array([]), .array([.integer(1), .array([.bytes(Array("x".utf8)), .null]), .array([])]),
    ]

    private func read(_ pieces: [[UInt8]], limit: Int = 1 << 20) throws -> [RedisValue] {
        let reader = ReplyReader(limit: limit)
        var values: [RedisValue] = []
        for piece in pieces { try piece.withUnsafeBytes { try reader.feed($0) { values.append($0) } } }
        return values
    }

    @Test func readsRepliesInOnePiece() throws {
        let values = try read([Self.wire])
        #expect(values == Self.values)
    }

    @Test func readsRepliesSplitAtEveryByte() throws {
        let single = try read(Self.wire.map { [$0] })
        #expect(single == Self.values)
        for first in 0...Self.wire.count {
            for second in first...Self.wire.count {
                let pieces = [Self.wire[..<first], Self.wire[first..<second], Self.wire[second...]].map(Array.init)
                let values = try read(pieces)
                #expect(values == Self.values, "split at \(first) and \(second)")
            }
        }
    }

    @Test func readsWhatIsLargerThanItsBuffers() throws {
        let body = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
        let wire = Array("$\(body.count)\r\n".utf8) + body + Array("\r\n:1\r\n".utf8)
        let values = try read([wire])
        #expect(values == [.bytes(body), .integer(1)])
    }

    @Test(arguments: [
        "?\r\n", "$-2\r\n", "*-2\r\n", "$x\r\n", ":1x\r\n", ":99999999999999999999\r\n", "*99999999999999\r\n",
        String(repeating: "*1\r\n", count: 9), "HTTP/1.1 400 Bad Request\r\n", "$9223372036854775808\r\n",
    ])
    func whatIsNoProtocolIsAnErrorForGood(_ text: String) throws {
        let reader = ReplyReader(limit: 1 << 20)
        for _ in 0..<2 {
            #expect(throws: ReplyReader.Failure.self) {
                try Array(text.utf8).withUnsafeBytes { try reader.feed($0) { _ in } }
            }
        }
    }

    @Test(arguments: ["$2000000\r\n", "*2147483647\r\n", "+", "$", "*", ":", "-", "*1000000\r\n:1\r\n"])
    func whatHasNoEndIsAnError(_ start: String) throws {
        let reader = ReplyReader(limit: 256 << 10)
        let more = start.contains(":1") ? Array(":1\r\n".utf8) : [UInt8](repeating: UInt8(ascii: "1"), count: 4_096)
        #expect(throws: ReplyReader.Failure.self) {
            try Array(start.utf8).withUnsafeBytes { try reader.feed($0) { _ in } }
            for _ in 0..<1_000_000 { try more.withUnsafeBytes { try reader.feed($0) { _ in } } }
        }
    }

    /// Whatever comes, there are replies or an error. How many inputs: `MARTLET_FUZZ`, or 200,000.
    @Test func endsWhateverComes() throws {
        let count = ProcessInfo.processInfo.environment["MARTLET_FUZZ"].flatMap { Int($0) } ?? 200_000
        var fuzzer = ReplyFuzzer(seed: 0x5eed)
        var replies = 0
        var failures = 0
        for _ in 0..<count {
            let input = fuzzer.next()
            let reader = ReplyReader(limit: 64 << 10)
            var rest = input[...]
            do {
                while !rest.isEmpty {
                    let piece = Array(rest.prefix(fuzzer.split(rest.count)))
                    rest = rest.dropFirst(piece.count)
                    try piece.withUnsafeBytes { try reader.feed($0) { _ in replies += 1 } }
                }
            } catch is ReplyReader.Failure {
                failures += 1
            }
        }
        #expect(replies > count / 10)
        #expect(failures > count / 10)
    }
}
