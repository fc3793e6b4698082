extension BrokerURL: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The URL, with asterisks for the password and for the value of an option for one.
    package var description: String {
        let options = query.map { option in
            let value = Self.isSecret(option.name) ? Secret.mask : Self.escaped(option.value)
            return Self.escaped(option.name) + "=" + value
        }
        return withoutQuery + (options.isEmpty ? "" : "?" + options.joined(separator: "&"))
    }

    package var debugDescription: String { description }

    /// The URL as it is written to be used: with its password, so that it is not to be shown.
    package var written: String {
        var text = scheme + "://"
        if user != nil || password != nil {
            text += Self.escaped(user ?? "") + (password.map { ":" + Self.escaped($0) } ?? "") + "@"
        }
        text += hosts.map(\.description).joined(separator: ",") + Self.escaped(path, keeping: "/")
        let options = query.map { Self.escaped($0.name) + "=" + Self.escaped($0.value) }
        return text + (options.isEmpty ? "" : "?" + options.joined(separator: "&"))
    }

    /// What `dump` shows: only the description.
    package var customMirror: Mirror { Mirror(self, children: []) }

    /// How the URL is named in errors about its options: enough to know it by.
    var withoutQuery: String {
        var text = scheme + "://"
        if user != nil || password != nil {
            text += Self.escaped(user ?? "") + (password == nil ? "" : ":\(Secret.mask)") + "@"
        }
        text += hosts.map(\.description).joined(separator: ",")
        return text + Self.escaped(path, keeping: "/")
    }

    /// Whether an option's value is not to be shown.
    package static func isSecret(_ name: String) -> Bool {
        let name = name.lowercased()
        return ["pass", "secret", "token"].contains { name.contains($0) }
    }

    /// A decoded part as it is written in a URL, so that the description can be parsed again.
    package static func escaped(_ text: String, keeping kept: String = "") -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            let isPlain = scalar.isASCII ? BrokerURLParser.isUnreserved(scalar) : BrokerURLParser.isPrintable(scalar)
            if isPlain || kept.unicodeScalars.contains(scalar) {
                result.unicodeScalars.append(scalar)
            } else {
                for byte in String(scalar).utf8 {
                    result += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
                }
            }
        }
        return result
    }
}

extension BrokerURL.Host: CustomStringConvertible {
    /// As it is written in a URL.
    package var description: String {
        let written = name.contains(":") ? "[\(name.replacing("%", with: "%25"))]" : name
        return port.map { "\(written):\($0)" } ?? written
    }
}
