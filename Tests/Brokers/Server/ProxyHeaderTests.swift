import Martlet
import MartletTesting
import NIOCore
import Testing

@testable import MartletServer

/// What a proxy says of its client, by its bytes.
struct ProxyHeaderTests {
    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]

    /// Version 2: a command, a family, and what follows.
    private static func binary(_ command: UInt8, _ family: UInt8, _ content: [UInt8], length: Int? = nil) -> [UInt8] {
        let length = length ?? content.count
        return signature + [command, family, UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF)] + content
    }

    private static let v4: [UInt8] = [10, 1, 2, 3, 10, 9, 9, 9, 0x04, 0xD2, 0x07, 0x5B]
    private static let v6: [UInt8] =
        [0x20, 1, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1] + [UInt8](repeating: 7, count: 16)
        + [0x04, 0xD2, 0x07, 0x5B]

    private static let headers: [(bytes: [UInt8], source: String?)] = [
        (Array("PROXY TCP4 192.0.2.7 192.0.2.1 1234 1883\r\n".utf8), "192.0.2.7:1234"),
        (Array("PROXY TCP6 2001:db8::1 ::1 65535 0\r\n".utf8), "2001:db8::1:65535"),
        (Array("PROXY UNKNOWN\r\n".utf8), nil),
        (Array("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n".utf8), nil),
        (binary(0x21, 0x11, v4), "10.1.2.3:1234"),
        (binary(0x21, 0x21, v6), "2001:db8::1:1234"),
        // What comes behind the addresses is skipped, be it cut short or nonsense.
        (binary(0x21, 0x11, v4 + [3, 0, 4, 1, 2, 3, 4]), "10.1.2.3:1234"),
        (binary(0x21, 0x11, v4 + [0xE0]), "10.1.2.3:1234"),
        (binary(0x21, 0x11, v4 + [0xE0, 0xFF, 0xFF, 1]), "10.1.2.3:1234"),
        // Health checks: with addresses or without, they mean the proxy itself.
        (binary(0x20, 0x00, []), nil),
        (binary(0x20, 0x11, v4), nil),
        (binary(0x20, 0x11, [1, 2, 3]), nil),
        (binary(0x21, 0x00, []), nil),
        (binary(0x21, 0x31, [UInt8](repeating: 0, count: 216)), nil),
    ]

    @Test func headersAreRead() {
        for (bytes, source) in Self.headers {
            for rest in [[], Array("\u{10}\r\nPROXY".utf8)] {
                guard case .header(let header, let count) = ProxyHeader.read(bytes + rest) else {
                    Issue.record("no header in \(bytes)")
                    continue
                }
                #expect(count == bytes.count)
                #expect(header.source.map { "\($0.ipAddress ?? ""):\($0.port ?? 0)" } == source)
            }
            for count in 0..<bytes.count {
                #expect(ProxyHeader.read(bytes.prefix(count)) == .incomplete, "\(count) of \(bytes)")
            }
        }
    }

    @Test func whatIsNoneIsToldAtOnce() {
        let wrong: [[UInt8]] =
            [
                "GET / HTTP/1.1\r\n", "\u{10}\u{0C}", "PROXY\r\n", "PROXY TCP4\r\n",
                "PROXY TCP4 192.0.2.7 192.0.2.1 1 2 3\r\n",
                "PROXY TCP4 192.0.2.7 192.0.2.1 65536 1\r\n", "PROXY TCP4 192.0.2.7 192.0.2.1 -1 1\r\n",
                "PROXY TCP4 192.0.2.7 192.0.2.1 01 1\r\n", "PROXY TCP4 192.0.2.700 192.0.2.1 1 1\r\n",
                "PROXY TCP6 192.0.2.7 192.0.2.1 1 1\r\n", "PROXY TCP4 ::1 ::1 1 1\r\n",
                "PROXY  TCP4 1.1.1.1 1.1.1.1 1 1\r\n",
                "proxy TCP4 192.0.2.7 192.0.2.1 1 1\r\n", "PROXY " + String(repeating: "x", count: 200),
            ].map { Array($0.utf8) } + [
                Self.binary(0x11, 0x11, Self.v4), Self.binary(0x22, 0x11, Self.v4), Self.binary(0x21, 0x12, Self.v4),
                Self.binary(0x21, 0x11, [1, 2, 3]), Self.binary(0x21, 0x21, Self.v4),
                Self.binary(0x21, 0x11, Self.v4, length: 60_000), Self.binary(0x20, 0x00, [], length: 4_081),
            ]
        for bytes in wrong { #expect(ProxyHeader.read(bytes) == .invalid, "\(bytes)") }
    }

    /// Whatever comes, it is read or refused, and no more is waited for than a header has.
    @Test func anythingIsReadOrRefused() {
        var random = SplitMix64(seed: 7)
        for round in 0..<200_000 {
            var bytes = Self.headers[round % Self.headers.count].bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                switch Int.random(in: 0..<4, using: &random) {
                case 0 where !bytes.isEmpty:
                    bytes[Int.random(in: bytes.indices, using: &random)] = .random(in: 0...255, using: &random)
                case 1 where !bytes.isEmpty: bytes.removeSubrange(Int.random(in: bytes.indices, using: &random)...)
                case 2 where !bytes.isEmpty: bytes.remove(at: Int.random(in: bytes.indices, using: &random))
                default:
                    let more = Int.random(in: 0...5_000, using: &random)
                    bytes += [UInt8](repeating: .random(in: 0...255, using: &random), count: more)
                }
            }
            switch ProxyHeader.read(bytes) {
            case .incomplete: #expect(bytes.count < ProxyHeader.limit)
            case .header(_, let count): #expect(count <= bytes.count && count <= ProxyHeader.limit)
            case .invalid: break
            }
        }
    }

    @Test func rangesOfAddresses() throws {
        func contains(_ range: String, _ address: String) throws -> Bool {
            try AddressRange(range).contains(SocketAddress(ipAddress: address, port: 1))
        }
        for (range, address) in [
            ("10.0.0.7", "10.0.0.7"), ("10.0.0.0/8", "10.255.1.2"), ("10.64.0.0/10", "10.127.0.1"),
            ("0.0.0.0/0", "1.2.3.4"),
            ("fd00::/8", "fdff::1"), ("127.0.0.1", "::ffff:127.0.0.1"), ("::1", "::1"),
        ] {
            #expect(try contains(range, address), "\(address) in \(range)")
        }
        for (range, address) in [
            ("10.0.0.7", "10.0.0.8"), ("10.0.0.0/8", "11.0.0.1"), ("10.64.0.0/10", "10.128.0.1"), ("0.0.0.0/0", "::1"),
            ("fd00::/8", "fe00::1"),
        ] {
            #expect(try !contains(range, address), "\(address) in \(range)")
        }
        for text in ["", "10", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/x", "localhost", "fd00::/129", "10.0.0.0/"] {
            #expect(throws: MessagingError.self, "\(text)") { try AddressRange(text) }
        }
    }
}
