import Martlet
import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// An address of the network, or all of a number of first bits: `10.0.0.7`, `10.0.0.0/8`, `fd00::/8`.
struct AddressRange: Sendable, Hashable {
    private let bytes: [UInt8]
    private let bits: Int

    /// - Throws: `MessagingError.Code.invalidArgument` if the text is none.
    init(_ text: String) throws {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let address = try? SocketAddress(ipAddress: parts[0], port: 0), let bytes = address.ipBytes else {
            throw MessagingError(.invalidArgument, "\(text) is neither an address nor a range such as 10.0.0.0/8")
        }
        let longest = bytes.count * 8
        let bits = parts.count == 1 ? longest : Int(parts[1]) ?? -1
        guard (0...longest).contains(bits) else {
            throw MessagingError(.invalidArgument, "\(text) has more or fewer bits than an address: 0 to \(longest)")
        }
        (self.bytes, self.bits) = (bytes, bits)
    }

    func contains(_ address: SocketAddress) -> Bool {
        guard let other = address.ipBytes, other.count == bytes.count else { return false }
        let whole = bits / 8
        guard other.prefix(whole) == bytes.prefix(whole) else { return false }
        guard bits % 8 > 0 else { return true }
        let shift = 8 - bits % 8
        return other[whole] >> shift == bytes[whole] >> shift
    }
}

extension SocketAddress {
    /// The bytes of its address; those of version 4 also where it is written as one of version 6. `nil`: a Unix socket.
    fileprivate var ipBytes: [UInt8]? {
        guard let text = ipAddress else { return nil }
        let isOld = self.protocol == .inet
        var bytes = [UInt8](repeating: 0, count: isOld ? 4 : 16)
        guard inet_pton(isOld ? AF_INET : AF_INET6, text, &bytes) == 1 else { return nil }
        let mapped = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]
        return bytes.starts(with: mapped) ? Array(bytes.dropFirst(12)) : bytes
    }
}
