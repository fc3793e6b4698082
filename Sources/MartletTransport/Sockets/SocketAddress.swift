#if canImport(Glibc)
package import Glibc
#elseif canImport(Musl)
package import Musl
#else
package import Darwin
#endif

/// The address of a TCP endpoint: an IPv4 or IPv6 address and a port.
package struct SocketAddress: Sendable, Hashable {
    /// `AF_INET` or `AF_INET6`, for `socket`.
    package let family: CInt
    /// The system's `sockaddr`.
    package let bytes: [UInt8]
    /// The address in numbers, an IPv6 one without brackets.
    package let host: String
    package let port: Int

    /// Copies an address of the system's.
    ///
    /// - Returns: `nil` if it is neither IPv4 nor IPv6.
    package init?(_ address: UnsafePointer<sockaddr>, length: socklen_t) {
        let family = CInt(address.pointee.sa_family)
        guard family == AF_INET || family == AF_INET6 else { return nil }
        var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        var port = [CChar](repeating: 0, count: Int(NI_MAXSERV))
        let code = getnameinfo(
            address,
            length,
            &host,
            socklen_t(host.count),
            &port,
            socklen_t(port.count),
            NI_NUMERICHOST | NI_NUMERICSERV
        )
        guard code == 0, let number = Int(text(port)) else { return nil }
        self.family = family
        self.bytes = Array(UnsafeRawBufferPointer(start: address, count: Int(length)))
        self.host = text(host)
        self.port = number
    }

    /// An address in numbers, an IPv6 one without brackets.
    ///
    /// - Returns: `nil` for anything else, also for a host's name.
    package init?(numeric host: String, port: Int) {
        guard (1...65_535).contains(port), !host.isEmpty, !host.utf8.contains(0),
            case .success(let addresses) = AddressLookup.addresses(of: host, port: port, numeric: true),
            let first = addresses.first
        else { return nil }
        self = first
    }

    /// The address as the system's functions take it.
    package func withSystemAddress<Result>(
        _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Result
    ) rethrows -> Result {
        var storage = sockaddr_storage()
        return try withUnsafeMutableBytes(of: &storage) { storage in
            storage.copyBytes(from: bytes)
            return try body(
                storage.assumingMemoryBound(to: sockaddr.self).baseAddress.unsafelyUnwrapped,
                socklen_t(bytes.count)
            )
        }
    }
}

extension SocketAddress: CustomStringConvertible {
    /// `127.0.0.1:1883` or `[::1]:1883`.
    package var description: String {
        family == AF_INET6 ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

/// The text before the first zero.
private func text(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
