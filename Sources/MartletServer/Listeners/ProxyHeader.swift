import NIOCore

/// What a proxy says of its client before that client's own bytes: the PROXY protocol, versions 1 and 2.
///
/// A pure value, of at most ``limit`` bytes. What a proxy adds behind the addresses (TLV) is skipped.
struct ProxyHeader: Sendable, Hashable {
    enum Outcome: Sendable, Hashable {
        /// It has begun as a header does; more is to come.
        case incomplete
        /// A header, of so many bytes.
        case header(ProxyHeader, count: Int)
        case invalid
    }

    /// More bytes than that no header has here. Proxies send some hundred.
    static let limit = 4_096
    /// The longest line of version 1, its end among it.
    private static let lineLimit = 107
    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]
    private static let word = Array("PROXY".utf8)

    /// The client; `nil`: the proxy speaks for itself, as it does to see whether the server is there, or does not know.
    let source: SocketAddress?

    private init(_ source: SocketAddress?) {
        self.source = source
    }

    /// Reads a header from the start of what has come.
    static func read(_ bytes: some RandomAccessCollection<UInt8>) -> Outcome {
        guard let first = bytes.first else { return .incomplete }
        let start = first == signature[0] ? signature : word
        guard bytes.starts(with: start.prefix(bytes.count)) else { return .invalid }
        guard bytes.count > start.count else { return .incomplete }
        let bytes = Array(bytes.prefix(limit))
        return first == signature[0] ? readBinary(bytes) : readLine(bytes)
    }

    // MARK: Version 1

    private static func readLine(_ bytes: [UInt8]) -> Outcome {
        let line = bytes.prefix(lineLimit)
        guard let end = line.indices.dropLast().first(where: { line[$0] == 13 && line[$0 + 1] == 10 }) else {
            return line.count < lineLimit ? .incomplete : .invalid
        }
        let words = line[..<end].split(separator: 32, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        let count = end + 2
        guard words.count > 1, words[0] == "PROXY" else { return .invalid }
        if words[1] == "UNKNOWN" { return .header(ProxyHeader(nil), count: count) }
        guard words.count == 6, let source = address(words[2], port: words[4]),
            let target = address(words[3], port: words[5])
        else { return .invalid }
        switch (words[1], source, target) {
        case ("TCP4", .v4, .v4), ("TCP6", .v6, .v6): return .header(ProxyHeader(source), count: count)
        default: return .invalid
        }
    }

    private static func address(_ text: String, port: String) -> SocketAddress? {
        guard let number = UInt16(port), "\(number)" == port else { return nil }
        return try? SocketAddress(ipAddress: text, port: Int(number))
    }

    // MARK: Version 2

    private static func readBinary(_ bytes: [UInt8]) -> Outcome {
        guard bytes.count >= 16 else { return .incomplete }
        let (command, family) = (bytes[12], bytes[13])
        let count = 16 + Int(bytes[14]) << 8 + Int(bytes[15])
        guard command >> 4 == 2, count <= limit else { return .invalid }
        guard bytes.count >= count else { return .incomplete }
        switch command & 0xF {
        // Whatever it says of addresses, they mean nothing.
        case 0: return .header(ProxyHeader(nil), count: count)
        case 1: break
        default: return .invalid
        }
        let content = bytes[16..<count]
        switch family {
        // Of a kind that has no address of the network.
        case 0x00, 0x31, 0x32: return .header(ProxyHeader(nil), count: count)
        case 0x11: return source(content, bytes: 4, count: count)
        case 0x21: return source(content, bytes: 16, count: count)
        default: return .invalid
        }
    }

    /// The first of two addresses of a number of bytes, with their ports behind.
    private static func source(_ content: ArraySlice<UInt8>, bytes: Int, count: Int) -> Outcome {
        guard content.count >= 2 * bytes + 4 else { return .invalid }
        let place = content.startIndex + 2 * bytes
        let port = Int(content[place]) << 8 | Int(content[place + 1])
        let packed = ByteBuffer(bytes: content.prefix(bytes))
        guard let address = try? SocketAddress(packedIPAddress: packed, port: port) else { return .invalid }
        return .header(ProxyHeader(address), count: count)
    }
}
