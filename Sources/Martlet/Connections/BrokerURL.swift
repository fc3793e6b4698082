/// Where a broker is and how it is to be spoken to, as one line of text:
/// `scheme://user:password@host:port,host2:port2/path?name=value&name2=value2`.
///
/// The syntax is that of RFC 3986 with two additions: several hosts between commas, and letters beyond ASCII as they
/// are. What has a meaning in a URL is written as a percent sign and two hexadecimal digits where it is meant as itself
/// (`%40` for an at sign in a password). A host is a name, an IPv4 address, or an IPv6 address in brackets; none is
/// needed where the scheme is `unix` or ends with `+unix`, whose path is a socket's. Parsing takes time in proportion to
/// the text and never traps.
///
/// Neither its descriptions nor the errors about it show the password, or the value of an option for one.
package struct BrokerURL: Sendable, Hashable {
    /// One of the broker's addresses.
    package struct Host: Sendable, Hashable {
        /// A name in lower case, an IPv4 address, or an IPv6 address without its brackets.
        package var name: String
        /// From 1 to 65,535; `nil`: the scheme's own.
        package var port: Int?

        package init(_ name: String, port: Int? = nil) {
            self.name = name
            self.port = port
        }
    }

    /// One option.
    package struct Option: Sendable, Hashable {
        package var name: String
        /// Empty as well where only the name was written.
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// In lower case.
    package var scheme: String
    /// `nil` where none was written; empty where an empty one was.
    package var user: String?
    /// `nil` where none was written; empty where an empty one was.
    package var password: String?
    /// In the order written. Empty only where the scheme needs none.
    package var hosts: [Host]
    /// With its leading slash; empty if there is none.
    package var path: String
    /// In the order written.
    package var query: [Option]

    package init(
        scheme: String,
        user: String? = nil,
        password: String? = nil,
        hosts: [Host],
        path: String = "",
        query: [Option] = []
    ) {
        self.scheme = scheme
        self.user = user
        self.password = password
        self.hosts = hosts
        self.path = path
        self.query = query
    }

    /// Parses a URL.
    /// - Throws: ``MessagingError/Code/invalidArgument`` with the part that is wrong.
    package init(_ text: String) throws {
        var parser = BrokerURLParser(text)
        self = try parser.parse()
    }

    /// Whether a scheme goes without a host: its path is a socket of this machine.
    static func needsHost(_ scheme: String) -> Bool { scheme != "unix" && !scheme.hasSuffix("+unix") }
}
