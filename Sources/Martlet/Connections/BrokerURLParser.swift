/// Takes a broker's URL apart. What it throws names the part that is wrong, and never holds what may be a piece of the
/// password.
struct BrokerURLParser {
    private let text: String
    /// The text as errors show it.
    private var shown = ""

    init(_ text: String) {
        self.text = text
    }

    mutating func parse() throws -> BrokerURL {
        guard let end = Substring(text).firstIndex(ofAnyASCII: ":"), text.utf8[end...].starts(with: "://".utf8) else {
            // Not even the beginning is shown: without a scheme nobody knows what it is.
            throw MessagingError(
                .invalidArgument,
                "a broker's URL begins with a scheme and ://, as mqtt://localhost does"
            )
        }
        let scheme = text[..<end]
        guard let first = scheme.utf8.first, Self.isLetter(first), scheme.utf8.allSatisfy(Self.isSchemeByte) else {
            throw MessagingError(
                .invalidArgument,
                "the scheme of a broker's URL, which stands before ://, is a letter and then letters, digits, '+', '-' or '.'"
            )
        }
        var url = BrokerURL(scheme: scheme.lowercased(), hosts: [])
        shown = shortened(url.scheme) + "://…"

        let rest = text[end...].dropping(bytes: 3)
        let authorityEnd = rest.firstIndex(ofAnyASCII: "/?#") ?? rest.endIndex
        let authority = rest[..<authorityEnd]
        let pathEnd = rest[authorityEnd...].firstIndex(ofAnyASCII: "?#") ?? rest.endIndex
        let path = rest[authorityEnd..<pathEnd]
        let query = rest[pathEnd...]
        try checkCharacters()

        let addresses: Substring
        if let at = authority.utf8.lastIndex(of: UInt8(ascii: "@")) {
            try parseUser(authority[..<at], into: &url)
            addresses = authority[at...].dropping(bytes: 1)
        } else {
            addresses = authority
            try checkForStrayAtSign(authority: authority, path: path, query: query)
        }
        shown = shortened(url.withoutQuery + addresses)
        url.hosts = try parseHosts(addresses, scheme: url.scheme)
        url.path = try decoded(path, "path")
        url.query = try parseQuery(query)
        return url
    }

    // MARK: Parts

    private func parseUser(_ part: Substring, into url: inout BrokerURL) throws {
        if part.contains(ascii: "@") {
            throw wrong("the user or password of \(shown) holds an '@', which is written %40")
        }
        let pieces = part.split(ascii: ":", maxSplits: 1)
        url.user = try decoded(pieces[0], "user", isSecret: true)
        if pieces.count == 2 { url.password = try decoded(pieces[1], "password", isSecret: true) }
    }

    private func parseHosts(_ part: Substring, scheme: String) throws -> [BrokerURL.Host] {
        if part.isEmpty {
            if !BrokerURL.needsHost(scheme) { return [] }
            throw wrong("\(shown) names no host")
        }
        return try part.split(ascii: ",").map(parseHost)
    }

    private func parseHost(_ part: Substring) throws -> BrokerURL.Host {
        if part.isEmpty { throw wrong("a host of \(shown) is empty") }
        let name: String
        let rest: Substring
        if part.utf8.first == UInt8(ascii: "[") {
            guard let end = part.firstIndex(ofAnyASCII: "]") else {
                throw wrong("the address \(quoted(String(part))) of \(shown) has no closing bracket")
            }
            let inside = part[..<end].dropping(bytes: 1)
            guard let address = IPv6Text.address(inside) else {
                throw wrong("\(quoted(String(inside))) of \(shown) is not an IPv6 address")
            }
            name = address
            rest = part[end...].dropping(bytes: 1)
        } else {
            let end = part.firstIndex(ofAnyASCII: ":") ?? part.endIndex
            // RFC 3986, section 3.2.2. What is no escape has a percent sign, which no host has.
            if case .text(let text) = PercentText.decoded(part[..<end]) {
                name = text.lowercased()
            } else {
                name = part[..<end].lowercased()
            }
            rest = part[end...]
            if rest.dropping(bytes: 1).contains(ascii: ":") {
                throw wrong(
                    "the host \(quoted(String(part))) of \(shown) has more than one colon; "
                        + "an IPv6 address is written in brackets, as [::1]"
                )
            }
            if name.isEmpty { throw wrong("a host of \(shown) is empty") }
            guard name.utf8.allSatisfy(Self.isHostByte), name.utf8.count <= 255 else {
                throw wrong(
                    "the host \(quoted(name)) of \(shown) is not one: a host is at most 255 letters of ASCII, digits, '-', "
                        + "'.' and '_'"
                )
            }
        }
        return BrokerURL.Host(name, port: try parsePort(rest))
    }

    /// - Parameter part: the port with its colon, or nothing.
    private func parsePort(_ part: Substring) throws -> Int? {
        guard let first = part.utf8.first else { return nil }
        guard first == UInt8(ascii: ":") else {
            throw wrong(
                "after the address in brackets of \(shown) stands \(quoted(String(part))); a port begins with ':'"
            )
        }
        let digits = part.dropping(bytes: 1)
        // RFC 3986, section 3.2.3: a port may be empty, and then is the scheme's own.
        if digits.isEmpty { return nil }
        guard digits.utf8.allSatisfy(Self.isDigit) else {
            throw wrong("the port \(quoted(String(digits))) of \(shown) is not a number")
        }
        guard let port = Int(digits), (1...65_535).contains(port) else {
            throw wrong("the port \(String(digits.prefix(20))) of \(shown) is not between 1 and 65535")
        }
        return port
    }

    /// - Parameter part: the query with its question mark, or nothing.
    private func parseQuery(_ part: Substring) throws -> [BrokerURL.Option] {
        if part.contains(ascii: "#") {
            throw wrong("\(shown) holds a '#', which is written %23 in a broker's URL")
        }
        return try part.dropping(bytes: 1).split(ascii: "&").filter { !$0.isEmpty }.map { item in
            let pieces = item.split(ascii: "=", maxSplits: 1)
            let name = try decoded(pieces[0], "name of an option")
            if name.isEmpty { throw wrong("an option of \(shown) has no name") }
            let value = pieces.count == 2 ? try decoded(pieces[1], "value of an option", isSecret: true) : ""
            return BrokerURL.Option(name, value)
        }
    }

    // MARK: What can be wrong anywhere

    private func wrong(_ message: String) -> MessagingError { MessagingError(.invalidArgument, message) }

    /// White space and control characters are in no part, and would make a mess of an error.
    private func checkCharacters() throws {
        for (index, scalar) in text.unicodeScalars.enumerated() where !Self.isPrintable(scalar) {
            let code = String(scalar.value, radix: 16, uppercase: true)
            throw wrong("character \(index + 1) of \(shown) is white space or a control character (U+\(code))")
        }
    }

    /// A '/', '?' or '#' in a password that should have been escaped ends the authority too early: the user would pass for
    /// the host, and the password for a port and a path, and both would be shown and looked up. The at sign that is
    /// left behind gives it away.
    private func checkForStrayAtSign(authority: Substring, path: Substring, query: Substring) throws {
        let names = query.dropping(bytes: 1).split(ascii: "&").lazy.map { $0.split(ascii: "=", maxSplits: 1)[0] }
        if path.contains(ascii: "@") || query.contains(ascii: "#") || names.contains(where: { $0.contains(ascii: "@") })
        {
            throw wrong(
                "\(shown) has a '/', '?', '#' or '@' where it can't stand: in a user or password they are written %2F, %3F, "
                    + "%23 and %40, and so is an '@' in a path"
            )
        }
        // A value may hold one, as an address does; but then what stands before it must be hosts and ports.
        if query.contains(ascii: "@"), (try? parseHosts(authority, scheme: "unix")) == nil {
            throw wrong("the host or port of \(shown) is wrong; in a user or password a '?' is written %3F")
        }
    }

    private func decoded(_ part: Substring, _ name: String, isSecret: Bool = false) throws -> String {
        let what = isSecret ? "the \(name)" : "the \(name) \(quoted(String(part)))"
        switch PercentText.decoded(part) {
        case .text(let text): return text
        case .badEscape: throw wrong("\(what) of \(shown) holds a '%' without two hexadecimal digits; itself it is %25")
        case .badText: throw wrong("\(what) of \(shown) is not UTF-8, or holds U+0, once its escapes are replaced")
        }
    }

    // MARK: Characters

    static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }

    static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    static func isSchemeByte(_ byte: UInt8) -> Bool {
        isLetter(byte) || isDigit(byte) || "+-.".utf8.contains(byte)
    }

    static func isHostByte(_ byte: UInt8) -> Bool {
        isLetter(byte) || isDigit(byte) || "-._".utf8.contains(byte)
    }

    /// RFC 3986, section 2.3.
    static func isUnreserved(_ scalar: Unicode.Scalar) -> Bool {
        guard let byte = UInt8(exactly: scalar.value) else { return false }
        return isLetter(byte) || isDigit(byte) || "-._~".utf8.contains(byte)
    }

    static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return (0x21...0x7E).contains(scalar.value) }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .spaceSeparator: return false
        default: return true
        }
    }
}
