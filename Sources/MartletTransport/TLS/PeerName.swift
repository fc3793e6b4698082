import Martlet

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What a broker's certificate must be for.
enum PeerName: Equatable {
    case name(String)
    /// An IPv4 or IPv6 address, without a zone.
    case address(String)

    /// - Parameter isNeeded: whether none is an error.
    /// - Returns: `nil` for empty text.
    init?(_ text: String, isNeeded: Bool) throws {
        if text.isEmpty {
            if !isNeeded { return nil }
            throw MessagingError(
                .invalidArgument,
                "there is no host to verify the certificate against: set the option serverName, or verification to .noHostName"
            )
        }
        let address = text.prefix { $0 != "%" }
        if Self.isAddress(String(address)) {
            self = .address(String(address))
            return
        }
        // A name that ends with a dot is the same name; certificates and RFC 6066 write it without.
        let name = text.hasSuffix(".") ? String(text.dropLast()) : text
        let isName = name.utf8.allSatisfy { (0x21...0x7E).contains($0) }
        guard isName, (1...255).contains(name.utf8.count) else {
            throw MessagingError(
                .invalidArgument,
                "the host \(quoted(text)) is not a name that a certificate can be for: it has 1 to 255 characters of ASCII "
                    + "(a name in another script is written in its form that begins with xn--)"
            )
        }
        self = .name(name)
    }

    /// The name to tell the server.
    var serverName: String? {
        if case .name(let name) = self { name } else { nil }
    }

    private static func isAddress(_ text: String) -> Bool {
        var address = in6_addr()
        return inet_pton(AF_INET6, text, &address) == 1 || inet_pton(AF_INET, text, &address) == 1
    }
}
