import IntegrationSupport
import Martlet
import Testing

@testable import MartletJWT
@testable import MartletServer

/// The files that keys of tokens come from.
@Suite(.timeLimit(.minutes(5))) struct TokenKeyTests {
    private typealias Example = TokenTests.Example

    private static func set(_ keys: String...) -> String { #"{"keys":[\#(keys.joined(separator: ","))]}"# }

    private static func key(_ kid: String, _ rest: String = "", bytes: Int = 32) -> String {
        let secret = TestTokens.base64URL([UInt8](repeating: 1, count: bytes))
        return #"{"kty":"oct","kid":"\#(kid)","k":"\#(secret)"\#(rest)}"#
    }

    /// One key that is not known spoils no other, and one line says which they are.
    @Test func whatCanNotBeUsedIsPassedOverInOneLine() throws {
        let log = LogLines()
        let bad = [
            #"{"kty":"XYZ","kid":"a"}"#, #"{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA","kid":"b"}"#,
            Example.rsa.replacing(#""e":"#, with: #""use":"enc","kid":"c","e":"#),
            Self.key("d", #","alg":"A128KW""#), Self.key("e", #","alg":"RS256""#), Self.key("f", bytes: 31),
            Self.key("g", #","key_ops":["sign"]"#), Self.key("h", #","use":7"#),
            #"{"kty":"OKP","crv":"X25519","x":"AA","kid":"i"}"#, #"{"kty":"OKP","crv":"Ed25519","x":"AA","kid":"j"}"#,
            #"{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"k"}"#, #"{"kty":"EC","crv":"P-256","x":"AA","kid":"l"}"#,
            Example.p256.replacing("f83", with: "f84"), "7", "null", "{}", Self.key("q", #","alg":"none""#),
            #"{"kty":"oct","k":"!","kid":"r"}"#, #"{"kty":"oct","k":"","kid":"s"}"#,
            Example.rsa.replacing("AQAB", with: "AA=="), Example.p256.replacing("P-256", with: "P-384"),
        ]
        let text = #"{"keys":[\#((bad + [Example.p256, Self.key("fine")]).joined(separator: ","))],"more":1}"#
        let keys = try TokenKeys(text: text, name: "keys.json", logger: log.logger)
        #expect(keys.count == 2)
        #expect(keys.passedOver.count == bad.count)
        #expect(keys.passedOver.first == #"key "a": its kind is not known"#)
        #expect(keys.passedOver.contains(#"key "c": it is not for signatures"#))
        #expect(log.all.count == 1)
        #expect(log.all.first?.contains("keys.json") == true && log.all.first?.contains(#"key "k""#) == true)
        let quiet = LogLines()
        _ = try TokenKeys(text: Example.set, name: "keys", logger: quiet.logger)
        #expect(quiet.all == [])
    }

    @Test func whatIsForSignaturesIsTaken() throws {
        for rest in [#","use":"sig""#, #","key_ops":["verify","sign"]"#, #","alg":"HS256""#, #","x5t":"AAAA""#] {
            #expect(try TokenKeys(text: Self.set(Self.key("a", rest)), name: "keys").count == 1)
        }
        // A key of a set by itself, and one with its private part.
        #expect(try TokenKeys(text: Example.p256, name: "keys").count == 1)
        let owner = Example.p256.replacing(#""x":"#, with: #""d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI","x":"#)
        #expect(try TokenKeys(text: owner, name: "keys").count == 1)
        // Two of one name for different algorithms can be told from each other.
        let both = Self.set(Self.key("a", #","alg":"HS256""#), Self.key("a", #","alg":"HS512""#, bytes: 64))
        #expect(try TokenKeys(text: both, name: "keys").count == 2)
    }

    @Test(arguments: [
        ("", "neither a JSON Web Key Set nor a public key"), ("ssh-rsa AAAA", "neither a JSON Web Key Set"),
        ("{}", "no key by which a token could be verified"), (#"{"keys":[]}"#, "no key by which"),
        (#"{"keys":{}}"#, "no key by which"), (#"{"keys":[{"kty":"XYZ"}]}"#, "its kind is not known"),
        ("[]", "neither"), (#"{"keys":["#, "neither"),
        (set(key("a"), key("a")), #"two keys of the same kind that are called "a""#),
        (set(key("a"), key("a", #","alg":"HS256""#, bytes: 64)), "two keys"),
        ("-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n", "has a private key"),
        ("-----BEGIN RSA PRIVATE KEY-----\nAA==\n-----END RSA PRIVATE KEY-----\n", "has a private key"),
        ("-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n", "no public key of RSA"),
        ("-----BEGIN PUBLIC KEY-----", "no public key of RSA"), ("-----BEGIN CERTIFICATE-----", "no public key of RSA"),
        (
            "-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n",
            "has several keys"
        ),
    ])
    func aFileThatIsWrongSaysWhy(_ text: String, _ words: String) {
        let error = #expect(throws: MessagingError.self) { try TokenKeys(text: text, name: "keys") }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.hasPrefix("keys ") == true && error?.message.contains(words) == true, "\(text)")
    }

    @Test func certificatesHaveKeysToo() async throws {
        let folder = try TemporaryFolder("tokens")
        defer { folder.remove() }
        let openssl = try Program.find("openssl", package: "openssl")
        for kind in [["rsa:2048"], ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"]] {
            let (certificate, key) = (folder.path("chain.pem"), folder.path("key.pem"))
            try await Program.run(
                openssl,
                ["req", "-x509", "-newkey"] + kind + [
                    "-nodes", "-subj", "/CN=issuer", "-keyout", key, "-out", certificate,
                ]
            )
            #expect(try TokenKeys(path: certificate).count == 1)
            #expect(throws: MessagingError.self) { try TokenKeys(path: key) }
        }
        // Small keys of RSA can be broken.
        let small = folder.path("small.pem")
        try await Program.run(openssl, ["genrsa", "-out", folder.path("k.pem"), "1024"])
        try await Program.run(openssl, ["rsa", "-in", folder.path("k.pem"), "-pubout", "-out", small])
        let error = #expect(throws: MessagingError.self) { try TokenKeys(path: small) }
        #expect(error?.message.contains("2048 bits at least") == true)
        #expect(throws: MessagingError.self) { try TokenKeys(path: folder.path("none")) }
    }

    @Test func aSecretIsReadFromAFile() async throws {
        let folder = try TemporaryFolder("tokens")
        defer { folder.remove() }
        let secret = "an old and long secret of two servers"
        let token = TestTokens.signed(#"{"sub":"alice","exp":1800000100}"#, secret: Array(secret.utf8))
        for end in ["", "\n", "\r\n"] {
            let keys = try TokenKeys(secretFile: folder.write(secret + end, to: "secret"))
            #expect(await TokenAuthenticator(keys, at: TestTime(1.8e9)).refusal(token) == nil)
        }
        let other = try TokenKeys(secretFile: folder.write(secret + "\n\n", to: "secret"))
        #expect(await TokenAuthenticator(other, at: TestTime(1.8e9)).refusal(token) != nil)
        for (text, words) in [
            ("short", "has 5 bytes, and needs 32 at least"), ("", "has 0 bytes"),
            ("-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQ\n-----END PUBLIC KEY-----", "and no secret"),
            (Example.set, "and no secret"), ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI", "and no secret"),
        ] {
            let path = try folder.write(text, to: "secret")
            let error = #expect(throws: MessagingError.self) { try TokenKeys(secretFile: path) }
            #expect(error?.message.contains(words) == true, "\(text)")
        }
    }
}
