import Martlet
import MartletTesting
import Testing

@testable import MartletCompression

@Suite struct ZlibCompressionTests {
    private let text = Array(#"{"hello":"world","n":1}"#.utf8)

    private func code(_ body: () throws -> Void) -> MessagingError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? MessagingError)?.code
        }
    }

    /// By zlib of Python, with its standard level.
    @Test func readsAndWritesWhatPythonDoes() throws {
        let stream: [UInt8] = [
            0x78, 0x9c, 0xab, 0x56, 0xca, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xb2, 0x52, 0x2a, 0xcf, 0x2f, 0xca, 0x49, 0x51,
            0xd2, 0x51, 0xca, 0x53, 0xb2, 0x32, 0xac, 0x05, 0x00, 0x5c, 0x05, 0x07, 0x40,
        ]
        let compression = ZlibCompression()
        #expect(try compression.incoming(stream) == text)
        #expect(try compression.outgoing(text) == stream)
    }

    @Test(arguments: [Int.max, 1 << 40, 23])
    func anyLimitWillDo(limit: Int) throws {
        let sent = try ZlibCompression().outgoing(text)
        #expect(try ZlibCompression(maximumBytes: limit).incoming(sent) == text)
    }

    @Test(arguments: [22, 0, -1, Int.min])
    func whatIsBeyondTheLimitIsRefused(limit: Int) throws {
        let sent = try ZlibCompression().outgoing(text)
        #expect(code { _ = try ZlibCompression(maximumBytes: limit).incoming(sent) } == .bodyTooLarge)
    }

    @Test(arguments: CompressionLevel.allCases, [0, 1, 2, 100, 65_536, 3_000_000])
    func roundTrips(level: CompressionLevel, size: Int) throws {
        var random = SplitMix64(seed: UInt64(size))
        var bytes = (0..<size).map { _ in UInt8.random(in: 97...110, using: &random) }
        if !bytes.isEmpty { bytes[0] = UInt8(ascii: "{") }
        let compression = ZlibCompression(level)
        let sent = try compression.outgoing(bytes)
        #expect(try compression.incoming(sent) == bytes)
        #expect(level != .none || sent == bytes)
        #expect(level == .none || size < 100 || sent.count < size)
    }

    @Test func levelsAreZlibs() throws {
        #expect(try ZlibCompression(.speed).outgoing(text).prefix(2) == [0x78, 0x01])
        #expect(try ZlibCompression(.best).outgoing(text).prefix(2) == [0x78, 0xda])
        #expect(try ZlibCompression(.standard).outgoing(text).prefix(2) == [0x78, 0x9c])
    }

    /// A few kilobytes that would become gigabytes are let become no more than the limit.
    @Test func whatBecomesTooLargeIsAnError() throws {
        let compression = ZlibCompression(.best, maximumBytes: 1_000_000)
        #expect(
            try compression.incoming(compression.outgoing([UInt8](repeating: 0, count: 1_000_000))).count == 1_000_000
        )
        let bomb = try compression.outgoing([UInt8](repeating: 0, count: 1_000_001))
        #expect(bomb.count < 2_000)
        #expect(code { _ = try compression.incoming(bomb) } == .bodyTooLarge)
        let large = try compression.outgoing([UInt8](repeating: 0, count: 200_000_000))
        #expect(code { _ = try compression.incoming(large) } == .bodyTooLarge)
    }

    @Test func whatIsNotCompressedIsReadAsItIs() throws {
        for bytes in [text, [0x78], [], Array("xylophone".utf8)] {
            #expect(try ZlibCompression().incoming(bytes) == bytes)
        }
    }

    /// Numbers begin as zlib's streams may, but for what these need and nobody here has.
    @Test func noNumberIsTakenForAStream() throws {
        for number in 0..<200 {
            for rest in ["", ".5", "e3", "E3", "\n", "\t", "\r", " "] {
                let text = "\(number)\(rest)"
                #expect(try ZlibCompression().incoming(Array(text.utf8)) == Array(text.utf8), "\(text)")
                #expect(try ZlibCompression(.none).outgoing(Array(text.utf8)) == Array(text.utf8), "\(text)")
            }
        }
    }

    /// Whatever is sent arrives as it was, if it looks compressed or not.
    @Test(arguments: CompressionLevel.allCases) func whatIsCompressedAlreadyStaysSo(level: CompressionLevel) throws {
        for bytes in [LZ4FrameTests.frame, try ZlibCompression().outgoing(text), Array("x^y".utf8)] {
            let compression = ZlibCompression(level)
            #expect(try compression.incoming(compression.outgoing(bytes)) == bytes)
        }
    }

    @Test(arguments: 0..<4 as Range<UInt64>)
    func whatIsBrokenIsAnErrorAndNeverTraps(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let compression = ZlibCompression(maximumBytes: 100_000)
        let stream = try compression.outgoing((0..<2_000).map { UInt8(truncatingIfNeeded: $0 / 7) })
        #expect(code { _ = try compression.incoming(stream + [0]) } == .decodingFailed)
        for end in 2..<stream.count {
            #expect(code { _ = try compression.incoming(Array(stream[..<end])) } == .decodingFailed)
        }
        for original in [stream, LZ4FrameTests.frame] {
            for _ in 0..<5_000 {
                var bytes = original
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: .min ... .max, using: &random)
                }
                let code = code { _ = try compression.incoming(bytes) }
                #expect([nil, .decodingFailed, .bodyTooLarge].contains(code), "seed \(seed)")
            }
        }
    }
}
