import Foundation
import IntegrationSupport
import Logging
import Martlet
import Synchronization

@testable import MartletJWT
@testable import MartletServer

/// Tokens that tests make themselves, by OpenSSL's codes, and those that others make.
enum TestTokens {
    /// Long enough for all hashes.
    static let secret = [UInt8](repeating: 0x5A, count: 64)

    /// In the alphabet of URLs, without padding.
    static func base64URL(_ bytes: [UInt8]) -> String {
        Base64.text(bytes).replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    /// A token with a code by a secret, whatever it says.
    static func signed(
        _ claims: String,
        header: String = #"{"alg":"HS256"}"#,
        secret: [UInt8] = secret,
        digest: Digest = .sha256
    ) -> String {
        signed(Array(claims.utf8), header: header, secret: secret, digest: digest)
    }

    /// The same of bytes that need be no text.
    static func signed(
        _ claims: [UInt8],
        header: String = #"{"alg":"HS256"}"#,
        secret: [UInt8] = secret,
        digest: Digest = .sha256
    ) -> String {
        let message = base64URL(Array(header.utf8)) + "." + base64URL(claims)
        return message + "." + base64URL(digest.code(Array(message.utf8), key: secret))
    }

    // MARK: Of others

    /// Tokens by joserfc, with the keys that verify them.
    struct Made: Decodable {
        struct Key: Codable {
            var kid: String?
            var kty: String
            var crv, n, e, x, y, k, use, alg: String?
        }

        struct Keys: Codable {
            var keys: [Key]

            var text: String {
                String(decoding: (try? JSONEncoder().encode(self)) ?? Data(), as: UTF8.self)
            }
        }

        var set: Keys
        var pem: [String: String]
        var tokens: [String]

        enum CodingKeys: String, CodingKey {
            case set, pem, tokens
        }
    }

    static let script: String = {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        return folder.path + "/Peers/token_peer.py"
    }()

    /// - Parameter specification: as the script says.
    static func made(_ specification: String) async throws -> Made {
        let interpreter = try await PythonEnvironment.interpreter()
        let output = try await Program.run(interpreter, ["-W", "ignore", script, "make", specification])
        return try JSONDecoder().decode(Made.self, from: Data(output.utf8))
    }
}

/// A time of day that tests move.
final class TestTime: Sendable {
    private let seconds: Mutex<Double>

    init(_ seconds: Double) {
        self.seconds = Mutex(seconds)
    }

    func set(_ new: Double) { seconds.withLock { $0 = new } }

    var nanoseconds: Int64 { Int64(seconds.withLock { $0 } * 1e9) }
}

extension TokenAuthenticator {
    /// One for whom it is a time of day, in seconds since 1970.
    init(
        _ keys: TokenKeys,
        _ rules: TokenRules = TokenRules(),
        otherwise other: (any Authenticator)? = nil,
        at time: TestTime
    ) {
        self.init(keys, rules, otherwise: other) { time.nanoseconds }
    }

    /// What it says of a token: the user and for how long; throws what is wrong with it.
    func verdict(_ token: String, clientID: String = "client", user: String? = nil) async throws
        -> AuthenticationVerdict
    {
        try await authenticate(.showing(token, clientID: clientID, user: user))
    }

    /// Why it refuses a token; `nil`: it does not.
    func refusal(_ token: String, clientID: String = "client", user: String? = nil) async -> String? {
        do {
            let verdict = try await verdict(token, clientID: clientID, user: user)
            return verdict == .refused ? "refused" : nil
        } catch {
            return (error as? MessagingError)?.message ?? "\(error)"
        }
    }
}

extension ClientCredentials {
    /// Those of a client that gives a password.
    static func showing(_ password: String?, clientID: String = "client", user: String? = nil) -> ClientCredentials {
        ClientCredentials(
            clientID: clientID,
            user: user,
            password: password.map { Array($0.utf8) },
            address: "127.0.0.1",
            isLoopback: true,
            listener: "mqtt",
            certificateSubject: nil,
            certificateName: nil
        )
    }
}

/// What is logged, with all that belongs to it.
final class LogLines: Sendable {
    private struct Handler: LogHandler {
        let lines: LogLines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            lines.texts.withLock { $0.append("\(event.message) \(event.metadata ?? [:])") }
        }
    }

    private let texts = Mutex<[String]>([])

    var all: [String] { texts.withLock { $0 } }

    var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }
}
