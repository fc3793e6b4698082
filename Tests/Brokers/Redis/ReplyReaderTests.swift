import Foundation
import Testing

@testable import MartletRedis

@Suite(.timeLimit(.minutes(10))) struct ReplyReaderTests {
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
        for piece in pieces {
            try piece.withUnsafeBytes {
                try reader.feed($0) { while let value = try reader.next() { values.append(value) } }
            }
        }
        return values
    }

    /// As ``read(_:limit:)``, on a socket by which published messages come.
    ///
    /// - Returns: all that came, as replies, and how many of it were taken out of the buffer as they lay there.
    private func hear(_ pieces: [[UInt8]], limit: Int = 1 << 20) throws -> (values: [RedisValue], heard: Int) {
        let reader = ReplyReader(limit: limit, hearsPushes: true)
        var values: [RedisValue] = []
        var heard = 0
        for piece in pieces {
            try piece.withUnsafeBytes { piece in
                try reader.feed(piece) {
                    while let value = try reader.next({ push in
                        let words = [push.glob, push.channel, push.body].compactMap {
                            $0.map { RedisValue.bytes([UInt8]($0)) }
                        }
                        let kind = push.glob == nil ? "message" : "pmessage"
                        values.append(.array([.bytes(Array(kind.utf8))] + words))
                        heard += 1
                    }) {
                        values.append(value)
                    }
                }
            }
        }
        return (values, heard)
    }

    private static func pushed(_ words: [String]) -> [UInt8] { CommandFormat.bytes(of: words.map { Array($0.utf8) }) }

    /// Whether a published message comes in one piece or in many, it is the same; and in one piece it is not copied.
    @Test func publishedMessagesAreReadInWhateverPieces() throws {
        let messages: [[String]] = [
            ["message", "a.b", "body"], ["subscribe", "x", "1"], ["message", "", ""],
            ["pmessage", "a.*", "a.b", "\r\n$5\r\n"],
            ["pong", ""], ["message", "a.b", String(repeating: "ä", count: 700)], ["message", "a.b"],
            ["pmessage", "a", "b"],
            ["message", "a", "b", "c"],
        ]
        let wire = messages.flatMap { Self.pushed($0) }
        let expected = messages.map { RedisValue.array($0.map { .bytes(Array($0.utf8)) }) }
        let (values, heard) = try hear([wire])
        #expect(values == expected)
        #expect(heard == 4)
        let (single, _) = try hear(wire.map { [$0] })
        #expect(single == expected)
        for cut in 0...wire.count {
            let (values, _) = try hear([Array(wire[..<cut]), Array(wire[cut...])])
            #expect(values == expected, "cut at \(cut)")
        }
    }

    /// More than a buffer of them, so that some are cut by its end.
    @Test func aFloodOfPublishedMessagesIsRead() throws {
        let bodies = (0..<3_000).map { number in String(repeating: "x", count: number % 97) + "\(number)" }
        let wire = bodies.flatMap { Self.pushed(["message", "flood", $0]) }
        let (values, heard) = try hear([wire])
        #expect(
            values
                == bodies.map {
                    .array([.bytes(Array("message".utf8)), .bytes(Array("flood".utf8)), .bytes(Array($0.utf8))])
                }
        )
        #expect(heard > 2_900)
    }

    @Test(arguments: [
        "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$-7\r\n", "*3\r\n$7\r\nmessage\r\n$x\r\n",
        "*3\r\n$7\r\nmessage\r\n$99999999999999999999\r\n", "*4\r\n$8\r\npmessage\r\n$9223372036854775808\r\n",
    ])
    func aHostilePublishedMessageIsAnError(_ text: String) {
        #expect(throws: ReplyReader.Failure.self) { try hear([Array(text.utf8)]) }
    }

    /// What lies before the end of the buffer is never taken for more than it is.
    @Test func aPublishedMessageWithoutItsEndIsNone() {
        let wire = Self.pushed(["pmessage", "glob", "channel", "body"])
        for count in 0..<wire.count {
            wire[..<count].withUnsafeBytes { #expect(PushedMessage(at: $0) == nil) }
        }
        wire.withUnsafeBytes { #expect(PushedMessage(at: $0)?.size == wire.count) }
        for length in ["999999999999999999", "9999999999999999999", "18446744073709551615", "5", "3", "-1", ""] {
            let hostile = Array("*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$\(length)\r\nbody\r\n".utf8)
            hostile.withUnsafeBytes { #expect(PushedMessage(at: $0) == nil, "\(length)") }
        }
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
        "HTTP/1.1 400 Bad Request\r\n", "$9223372036854775808\r\n", "$1\r\nxyz", "$\r\n", "\r\n",
    ])
    func whatIsNoProtocolIsAnErrorForGood(_ text: String) throws { try failsForGood(text) }

    @Test func arraysInsideOfEachOtherWithoutEndAreAnErrorForGood() throws {
        try failsForGood(String(repeating: "*1\r\n", count: 100_000))
    }

    private func failsForGood(_ text: String) throws {
        let reader = ReplyReader(limit: 1 << 20)
        for _ in 0..<2 {
            #expect(throws: ReplyReader.Failure.self) {
                try Array(text.utf8).withUnsafeBytes { try reader.feed($0) { while try reader.next() != nil {} } }
            }
        }
    }

    @Test(arguments: ["$2000000\r\n", "*2147483647\r\n", "$", "*", ":", "x"])
    func whatHasNoEndIsAnError(_ start: String) throws {
        let reader = ReplyReader(limit: 256 << 10)
        let more = [UInt8](repeating: UInt8(ascii: "1"), count: 4_096)
        #expect(throws: ReplyReader.Failure.self) {
            func feed(_ bytes: [UInt8]) throws {
                try bytes.withUnsafeBytes { try reader.feed($0) { while try reader.next() != nil {} } }
            }
            try feed(Array(start.utf8))
            for _ in 0..<1_000_000 { try feed(more) }
        }
    }

    /// What is larger than the limit, or nested deeper than it may be, is read to its end: only an error stands in its place.
    @Test(arguments: [1, 4_096, 1 << 20])
    func whatIsTooMuchIsRefusedAlone(_ piece: Int) throws {
        let limit = 64 << 10
        let long = String(repeating: "x", count: limit + 1)
        let tooMuch = [
            "$\(limit + 1)\r\n\(long)\r\n", "*2\r\n:1\r\n$\(limit)\r\n\(long.dropLast())\r\n", "+\(long)\r\n",
            "-\(long)\r\n",
            "*3\r\n*1\r\n$\(limit + 1)\r\n\(long)\r\n+\(long)\r\n*2\r\n$-1\r\n*0\r\n",
            "*5000\r\n" + String(repeating: ":1\r\n", count: 5_000),
            "*2\r\n" + String(repeating: "*2500\r\n" + String(repeating: "*0\r\n", count: 2_500), count: 2),
            String(repeating: "*1\r\n", count: 256) + ":1\r\n",
            String(repeating: "*1\r\n", count: 60_000) + "$1\r\nx\r\n",
        ]
        for text in tooMuch {
            let wire = Array("\(text):7\r\n\(text)+OK\r\n".utf8)
            let pieces = stride(from: 0, to: wire.count, by: piece).map {
                Array(wire[$0..<min($0 + piece, wire.count)])
            }
            let values = try read(pieces, limit: limit)
            #expect(values.count == 4, "\(text.prefix(20))")
            #expect(values[1] == .integer(7) && values[3] == .status("OK"))
            #expect(values[0].error?.isUnread == true && values[2].error?.isUnread == true, "\(text.prefix(20))")
        }
    }

    @Test func whatIsJustNotTooMuchIsRead() throws {
        let body = String(repeating: "x", count: 64 << 10)
        let values = try read([Array("$\(body.utf8.count)\r\n\(body)\r\n+\(body)\r\n".utf8)], limit: 64 << 10)
        #expect(values == [.bytes(Array(body.utf8)), .status(body)])
        let deep = try read([Array((String(repeating: "*1\r\n", count: 255) + ":1\r\n").utf8)])
        var (value, depth) = (deep.first, 0)
        while let inner = value?.array {
            value = inner.first
            depth += 1
        }
        #expect(depth == 255)
        #expect(value == .integer(1))
    }

    /// Whatever comes, there are replies or an error. How many inputs: `MARTLET_FUZZ`, or 200,000.
    @Test func endsWhateverComes() throws {
        let count = ProcessInfo.processInfo.environment["MARTLET_FUZZ"].flatMap { Int($0) } ?? 200_000
        var fuzzer = ReplyFuzzer(seed: 0x5eed)
        var replies = 0
        var failures = 0
        for _ in 0..<count {
            let input = fuzzer.next()
            let hearsPushes = fuzzer.split(2) == 1
            let reader = ReplyReader(limit: 64 << 10, hearsPushes: hearsPushes)
            var rest = input[...]
            do {
                while !rest.isEmpty {
                    let piece = Array(rest.prefix(fuzzer.split(rest.count)))
                    rest = rest.dropFirst(piece.count)
                    try piece.withUnsafeBytes { piece in
                        try reader.feed(piece) {
                            while try hearsPushes ? reader.next({ _ in replies += 1 }) != nil : reader.next() != nil {
                                replies += 1
                            }
                        }
                    }
                }
            } catch is ReplyReader.Failure {
                failures += 1
            }
        }
        #expect(replies > count / 10)
        #expect(failures > count / 10)
    }
}
