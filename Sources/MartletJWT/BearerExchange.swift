import Martlet
import MartletServer

/// One authentication by `OAUTHBEARER` (RFC 7628): the client's one message has its token. A client that is refused is told so by
/// MQTT; the message in JSON that other protocols send it first has no place there.
struct BearerExchange: AuthenticationExchange {
    static let method = "OAUTHBEARER"
    /// What is there beside a token is short.
    private static let limit = Token.limit + 1_024
    private static let separator: UInt8 = 1

    private let verdict: @Sendable (Token) async throws -> (user: String, time: Duration?)

    /// - Parameter verdict: says of a token who its client is, and for how long.
    init(_ verdict: @escaping @Sendable (Token) async throws -> (user: String, time: Duration?)) {
        self.verdict = verdict
    }

    /// Takes the message.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` if it is none, `MessagingError.Code.refused` if its token is refused.
    mutating func answer(_ data: [UInt8]) async throws -> AuthenticationStep {
        let (name, token) = try Self.read(data)
        let (user, time) = try await verdict(token)
        // Who logs in as one to act as another.
        guard name?.isExactly(user) ?? true else { throw Self.fault("asks to act as another user") }
        return .accepted(user: user, for: time)
    }

    /// The user that a message names, if any, and its token: `n,a=user,^Ahost=…^Aauth=Bearer …^A^A` (section 3.1).
    private static func read(_ data: [UInt8]) throws -> (name: String?, Token) {
        guard data.count <= limit, let text = String(validating: data, as: UTF8.self), !text.utf8.contains(0) else {
            throw fault("is longer than \(limit) bytes, or no text")
        }
        let parts = text.utf8.split(separator: separator, omittingEmptySubsequences: false)
        guard parts.count >= 4, parts.suffix(2).allSatisfy(\.isEmpty) else { throw fault("does not end as one does") }
        let header = parts[0].split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map {
            String(Substring($0))
        }
        // Channel binding (p=) is not offered.
        guard header.count == 3, ["n", "y"].contains(header[0]), header[2].isEmpty,
            header[1].isEmpty || header[1].hasPrefix("a=")
        else { throw fault("does not begin as one does") }
        let name = header[1].isEmpty ? nil : decoded(header[1].dropFirst(2))
        let scheme = "auth=bearer "
        let tokens = parts.dropFirst().compactMap { part -> [UInt8]? in
            let lower = part.prefix(scheme.utf8.count).map { $0 | ((0x41...0x5A).contains($0) ? 0x20 : 0) }
            return lower.elementsEqual(scheme.utf8) ? Array(part.dropFirst(scheme.utf8.count)) : nil
        }
        guard tokens.count == 1, let token = Token(tokens[0]) else { throw fault("has not one token") }
        return (name, token)
    }

    /// A name as it stands in a message: with `=2C` for a comma and `=3D` for `=`.
    private static func decoded(_ name: Substring) -> String {
        String(name.replacing("=2C", with: ",").replacing("=3D", with: "="))
    }

    private static func fault(_ text: String) -> MessagingError {
        MessagingError(.invalidArgument, "its message of \(method) \(text)")
    }
}
