import Martlet

/// A URL of the web. What is shown of it is the server alone: the path and the query of a hook are its secret.
struct WebAddress: Sendable, Hashable, CustomStringConvertible {
    let text: String
    let description: String

    /// - Throws: `MessagingError.Code.invalidArgument` for what is no URL of `http:` or `https:`.
    init(_ text: String) throws {
        func invalid(_ reason: String) -> MessagingError {
            MessagingError(.invalidArgument, "this is no URL of the web: \(reason)")
        }
        let parts = text.split(separator: ":", maxSplits: 1)
        let scheme = parts.first?.lowercased() ?? ""
        guard parts.count == 2, ["http", "https"].contains(scheme), parts[1].hasPrefix("//") else {
            throw invalid("it does not begin with https:// or http://")
        }
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw invalid("it has white space, control characters or letters beyond ASCII")
        }
        let place = parts[1].dropFirst(2).prefix { !"/?#".contains($0) }
        guard !place.isEmpty, !place.hasPrefix(":") else { throw invalid("it names no host") }
        guard !place.contains("@") else {
            throw invalid("it has a user; write a header 'authorization' instead")
        }
        if let port = place.split(separator: "]").last?.split(separator: ":", omittingEmptySubsequences: false)
            .dropFirst().last
        {
            guard let number = Int(port), (1...65_535).contains(number) else { throw invalid("its port is no number") }
        }
        self.text = text
        description = "\(scheme)://\(place)"
    }
}
