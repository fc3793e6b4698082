import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletJWT
@testable import MartletServer

/// What a token has to be, and to say.
@Suite(.timeLimit(.minutes(5))) struct TokenTests {
    /// The examples of RFC 7515, A.1 to A.3; the first is that of RFC 7519, 3.1, too.
    enum Example {
        static let payload =
            "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        static let secret =
            #"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#
        static let hs256 =
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\(payload).dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        static let rsa =
            #"{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#
        static let rs256 =
            "eyJhbGciOiJSUzI1NiJ9.\(payload).cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
        static let p256 =
            #"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#
        static let es256 =
            "eyJhbGciOiJFUzI1NiJ9.\(payload).DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
        static let tokens = [hs256, rs256, es256]
        static let keys = [secret, rsa, p256]
        static let set = #"{"keys":[\#(keys.joined(separator: ","))]}"#
        static let end = 1_300_819_380.0
        /// They name no subject.
        static let rules = TokenRules(issuer: "joe", userClaim: "iss")
    }

    private static let now = 1_800_000_000.0

    private static func keys(_ text: String) throws -> TokenKeys { try TokenKeys(text: text, name: "keys") }

    /// One that knows the secret of tests.
    private static func authenticator(_ rules: TokenRules = TokenRules(), at time: Double = now) throws
        -> TokenAuthenticator
    {
        TokenAuthenticator(try TokenKeys(secret: TestTokens.secret), rules, at: TestTime(time))
    }

    // MARK: Signatures

    @Test func theExamplesOfTheirRFCsHold() async throws {
        for (index, token) in Example.tokens.enumerated() {
            let time = TestTime(Example.end - 380)
            for text in [Example.keys[index], Example.set] {
                let authenticator = TokenAuthenticator(try Self.keys(text), Example.rules, at: time)
                #expect(try await authenticator.verdict(token) == .accepted(user: "joe", for: .seconds(440)))
            }
            for (other, key) in Example.keys.enumerated() where other != index {
                let authenticator = TokenAuthenticator(try Self.keys(key), Example.rules, at: time)
                #expect(await authenticator.refusal(token)?.contains("a key that is not known") == true)
            }
            time.set(Example.end + 60)
            let late = TokenAuthenticator(try Self.keys(Example.set), Example.rules, at: time)
            #expect(await late.refusal(token) == "its token has ended")
        }
    }

    /// Of each kind and algorithm, by somebody else's library, with its keys as a set and as PEM.
    @Test func theTokensOfOthersHold() async throws {
        let pairs = [
            ("r", "RS256"), ("r", "RS384"), ("r", "RS512"), ("r", "PS256"), ("r", "PS384"), ("r", "PS512"),
            ("p", "ES256"), ("q", "ES384"), ("s", "ES512"), ("e", "EdDSA"), ("e", "Ed25519"), ("o", "HS256"),
            ("o", "HS384"), ("o", "HS512"),
        ]
        let tokens = pairs.map { key, algorithm in
            #"["\#(key)",{"alg":"\#(algorithm)","kid":"\#(key)"},{"sub":"\#(algorithm)","exp":1800000100}]"#
        }
        let made = try await TestTokens.made(
            #"{"keys":{"r":"RSA","p":"P-256","q":"P-384","s":"P-521","e":"Ed25519","o":"oct"},"tokens":[\#(tokens.joined(separator: ","))]}"#
        )
        #expect(made.tokens.count == pairs.count)
        let set = try Self.keys(made.set.text)
        #expect(set.count == 6 && set.passedOver == [])
        for ((key, algorithm), token) in zip(pairs, made.tokens) {
            let expected = AuthenticationVerdict.accepted(user: algorithm, for: .seconds(160))
            let all = TokenAuthenticator(set, at: TestTime(Self.now))
            #expect(try await all.verdict(token) == expected, "\(algorithm)")
            // Its last bits are another's.
            let forged = String(token.dropLast(8)) + "AAAAAAAA"
            #expect(await all.refusal(forged)?.contains("signature") == true, "\(algorithm)")
            for (name, pem) in made.pem {
                let one = TokenAuthenticator(try Self.keys(pem), at: TestTime(Self.now))
                let isOwn = name == key
                #expect((await one.refusal(token) == nil) == isOwn, "\(algorithm) by \(name)")
            }
        }
    }

    /// What stands for nothing in base64 is signed, too.
    @Test func aSignatureHasOneSpelling() async throws {
        let authenticator = TokenAuthenticator(try Self.keys(Example.set), Example.rules, at: TestTime(Example.end))
        #expect(await authenticator.refusal(Example.hs256) == nil)
        // The last character has two bits that are no part of the signature: k is 100100.
        for last in ["l", "m", "n", "k=", "k==", "k ", "k\n"] {
            #expect(await authenticator.refusal(Example.hs256.dropLast() + last) != nil, "\(last)")
        }
    }

    @Test(arguments: ["none", "None", "NONE", "nOnE", "", "hs256", "HS1", "RS257", "ES256K", "HS256 "])
    func whatIsNotSignedIsRefused(_ algorithm: String) async throws {
        let claims = #"{"sub":"alice","exp":1800000100}"#
        let header = #"{"alg":"\#(algorithm)"}"#
        let unsigned = TestTokens.base64URL(Array(header.utf8)) + "." + TestTokens.base64URL(Array(claims.utf8)) + "."
        for keys in [try TokenKeys(secret: TestTokens.secret), try Self.keys(Example.set)] {
            let authenticator = TokenAuthenticator(keys, at: TestTime(Self.now))
            for token in [unsigned, unsigned + "AAAA", TestTokens.signed(claims, header: header)] {
                #expect(await authenticator.refusal(token)?.contains("algorithm that is not allowed") == true)
            }
        }
    }

    /// A key that everybody has is nobody's secret: whatever form of it a token was made with.
    @Test func aPublicKeyIsNoSecret() async throws {
        let made = try await TestTokens.made(#"{"keys":{"r":"RSA","p":"P-256","e":"Ed25519"},"tokens":[]}"#)
        let claims = #"{"sub":"alice","exp":1800000100}"#
        let jwks = made.set.text
        for (name, pem) in made.pem {
            let guesses = [
                Array(pem.utf8), Array(pem.dropLast().utf8), Array((pem + "\n").utf8), Array(jwks.utf8), [],
                Array(name.utf8),
            ]
            let x = made.set.keys.first { $0.kid == name }.flatMap { $0.n ?? $0.x } ?? ""
            for secret in guesses + [Array(x.utf8), Base64URL.bytes(x.utf8) ?? []] {
                for (algorithm, digest) in [("HS256", Digest.sha256), ("HS512", .sha512)] {
                    let token = TestTokens.signed(
                        claims,
                        header: #"{"alg":"\#(algorithm)","kid":"\#(name)"}"#,
                        secret: secret,
                        digest: digest
                    )
                    for keys in [try Self.keys(pem), try Self.keys(jwks)] {
                        let authenticator = TokenAuthenticator(keys, at: TestTime(Self.now))
                        #expect(await authenticator.refusal(token)?.contains("a key that is not known") == true)
                    }
                }
            }
        }
    }

    // MARK: Which key

    private static func named(_ id: String?, _ byte: UInt8, _ rest: String = "") -> String {
        let kid = id.map { #","kid":"\#($0)""# } ?? ""
        return #"{"kty":"oct","k":"\#(TestTokens.base64URL([UInt8](repeating: byte, count: 32)))"\#(kid)\#(rest)}"#
    }

    private static func token(_ kid: String?, _ byte: UInt8) -> String {
        TestTokens.signed(
            #"{"sub":"alice","exp":1800000100}"#,
            header: kid.map { #"{"alg":"HS256","kid":\#($0)}"# } ?? #"{"alg":"HS256"}"#,
            secret: [UInt8](repeating: byte, count: 32)
        )
    }

    @Test func theKeyIsTheOneThatATokenNames() async throws {
        func refusal(_ keys: [String], _ kid: String?, _ byte: UInt8) async throws -> String? {
            let keys = try Self.keys(#"{"keys":[\#(keys.joined(separator: ","))]}"#)
            return await TokenAuthenticator(keys, at: TestTime(Self.now)).refusal(Self.token(kid, byte))
        }
        let two = [Self.named("a", 1), Self.named("b", 2)]
        #expect(try await refusal(two, #""a""#, 1) == nil)
        #expect(try await refusal(two, #""b""#, 2) == nil)
        // Not the first if it is not there, nor one after the other.
        for (kid, byte) in [(#""a""#, 2), (#""b""#, 1), (#""c""#, 1), (#""c""#, 2), (#""A""#, 1), (#""""#, 1)] {
            #expect(try await refusal(two, kid, UInt8(byte)) != nil, "\(kid)")
        }
        // One that names none could be either's.
        #expect(try await refusal(two, nil, 1)?.contains("may be one of several") == true)
        #expect(try await refusal(two + [Example.p256], nil, 2) != nil)
        #expect(try await refusal([Self.named("a", 1), Example.p256], nil, 1) == nil)
        #expect(try await refusal([Self.named("a", 1), Example.p256], #""b""#, 1) != nil)
        #expect(try await refusal([Self.named("a", 1), Self.named(nil, 2)], #""b""#, 2) != nil)
        // Where none has a name, none can be wrong.
        #expect(try await refusal([Self.named(nil, 1), Example.p256], #""any""#, 1) == nil)
        #expect(try await refusal([Self.named(nil, 1), Self.named(nil, 2)], #""any""#, 1) != nil)
        for kid in ["1", "null", #"["a"]"#, "{}"] {
            #expect(try await refusal(two, kid, 1)?.contains("kid that is no text") == true)
        }
    }

    @Test func aKeyIsForWhatItSays() async throws {
        func refusal(_ rest: String, _ algorithm: String, _ digest: Digest) async throws -> String? {
            let secret = [UInt8](repeating: 1, count: 64)
            let keys = #"{"keys":[{"kty":"oct","k":"\#(TestTokens.base64URL(secret))"\#(rest)}]}"#
            let token = TestTokens.signed(
                #"{"sub":"alice","exp":1800000100}"#,
                header: #"{"alg":"\#(algorithm)"}"#,
                secret: secret,
                digest: digest
            )
            return await TokenAuthenticator(try Self.keys(keys), at: TestTime(Self.now)).refusal(token)
        }
        #expect(try await refusal("", "HS256", .sha256) == nil)
        #expect(try await refusal("", "HS512", .sha512) == nil)
        #expect(try await refusal(#","alg":"HS512""#, "HS512", .sha512) == nil)
        #expect(try await refusal(#","alg":"HS512""#, "HS256", .sha256) != nil)
        // A secret of 32 bytes is for the hash of 32 alone; others would stop the process in a debug build.
        #expect(try TokenKeys(secret: [UInt8](repeating: 1, count: 32)).key(id: nil, .hs384) == nil)
        #expect(try TokenKeys(secret: [UInt8](repeating: 1, count: 48)).key(id: nil, .hs384) != nil)
        #expect(try TokenKeys(secret: [UInt8](repeating: 1, count: 63)).key(id: nil, .hs512) == nil)
    }

    // MARK: What it says

    @Test(
        arguments: [
            // The end, and a minute of leeway.
            (#""exp":1800000001"#, nil), (#""exp":1799999999"#, nil), (#""exp":1799999940.5"#, nil),
            (#""exp":1799999940"#, "has ended"), (#""exp":0"#, "has ended"), (#""exp":-1"#, "has ended"),
            (#""exp":253402300800"#, nil), (#""exp":1.8000001e9"#, nil),
            (#""exp":1800000001000"#, "has a time that is none"), (#""exp":1e300"#, "has a time that is none"),
            (#""exp":-1e300"#, "has a time that is none"), (#""exp":NaN"#, "has a time that is none"),
            (#""exp":Infinity"#, "has a time that is none"),
            (#""exp":18446744073709551615"#, "has a time that is none"),
            (#""exp":"1800000001""#, "has a time that is none"), (#""exp":null"#, "has a time that is none"),
            (#""exp":[]"#, "has a time that is none"), (#""exp":true"#, "has a time that is none"),
            ("", "has no end"),
            // The beginning.
            (#""exp":1800000001,"nbf":1800000060"#, nil), (#""exp":1800000001,"nbf":1800000061"#, "does not hold yet"),
            (#""exp":1800000001,"nbf":"0""#, "has a time that is none"),
            (#""exp":1800000001,"iat":1800000060"#, nil),
            (#""exp":1800000001,"iat":1800000061"#, "is said to be issued later than now"),
            (#""exp":1800000001,"iat":null"#, "has a time that is none"),
            // Of a claim that is there twice the last counts.
            (#""exp":1,"exp":1800000001"#, nil), (#""exp":1800000001,"exp":1"#, "has ended"),
        ] as [(String, String?)]
    )
    func itsTimesHaveToBeNow(_ claims: String, _ refusal: String?) async throws {
        let token = TestTokens.signed(#"{"sub":"alice"\#(claims.isEmpty ? "" : ",")\#(claims)}"#)
        #expect(await Self.refusal(token) == refusal.map { "its token \($0)" })
    }

    private static func refusal(
        _ token: String,
        _ rules: TokenRules = TokenRules(),
        clientID: String = "client",
        user: String? = nil
    ) async -> String? {
        await (try? authenticator(rules))?.refusal(token, clientID: clientID, user: user)
    }

    @Test func itHoldsForAsLongAsItSays() async throws {
        let token = TestTokens.signed(#"{"sub":"alice","exp":1800000100}"#)
        for (leeway, time) in [(0, 100), (60, 160), (-5, 100)] {
            let rules = TokenRules(leeway: .seconds(leeway))
            #expect(
                try await Self.authenticator(rules).verdict(token) == .accepted(user: "alice", for: .seconds(time))
            )
        }
        let endless = TestTokens.signed(#"{"sub":"alice"}"#)
        let rules = TokenRules(allowsEndless: true)
        #expect(try await Self.authenticator(rules).verdict(endless) == .accepted(user: "alice"))
        // One with an end keeps it, and an end that nobody sees is none.
        #expect(try await Self.authenticator(rules).verdict(token) == .accepted(user: "alice", for: .seconds(160)))
        let far = TestTokens.signed(#"{"sub":"alice","exp":253402300800}"#)
        #expect(try await Self.authenticator().verdict(far) == .accepted(user: "alice"))
    }

    @Test(
        arguments: [
            ("", nil, "is for another audience"), (#","aud":"house""#, nil, nil), (#","aud":["house"]"#, nil, nil),
            (#","aud":["garden","house"]"#, nil, nil), (#","aud":"garden""#, nil, "is for another audience"),
            (#","aud":["garden"]"#, nil, "is for another audience"), (#","aud":"""#, nil, "is for another audience"),
            (#","aud":"House""#, nil, "is for another audience"), (#","aud":[]"#, nil, "is for another audience"),
            (#","aud":null"#, nil, "has an audience that is no text"),
            (#","aud":{}"#, nil, "has an audience that is no text"),
            (#","aud":1"#, nil, "has an audience that is no text"),
            (#","aud":["house",1]"#, nil, "has an audience that is no text"),
            (#","aud":[["house"]]"#, nil, "has an audience that is no text"),
            (#","iss":"other""#, "joe", "is another issuer's"), ("", "joe", "is another issuer's"),
            (#","iss":["joe"]"#, "joe", "is another issuer's"), (#","iss":"joe","aud":"house""#, "joe", nil),
            (#","iss":"joe ","aud":"house""#, "joe", "is another issuer's"),
        ] as [(String, String?, String?)]
    )
    func itHasToBeForThisBroker(_ claims: String, _ issuer: String?, _ refusal: String?) async throws {
        let token = TestTokens.signed(#"{"sub":"alice","exp":1800000100\#(claims)}"#)
        let rules = TokenRules(issuer: issuer, audience: "house")
        #expect(await Self.refusal(token, rules) == refusal.map { "its token \($0)" })
    }

    /// Whose it is not said to be, for a broker that has no name.
    @Test(arguments: [#""house""#, #"["house"]"#, "[]", "null"])
    func anAudienceIsNotPassedOver(_ audience: String) async throws {
        let token = TestTokens.signed(#"{"sub":"alice","exp":1800000100,"aud":\#(audience)}"#)
        #expect(await Self.refusal(token)?.contains("audience") == true)
        #expect(await Self.refusal(TestTokens.signed(#"{"sub":"alice","exp":1800000100}"#)) == nil)
    }

    @Test func itNamesItsUser() async throws {
        for (claims, isFine) in [
            (#""sub":"alice""#, true), (#""sub":"älice/+""#, true), (#""sub":"""#, false), (#""sub":1"#, false),
            (#""sub":null"#, false), (#""sub":["alice"]"#, false), (#""name":"alice""#, false),
            (#""sub":"a\u0000b""#, false), (#""sub":"a\nb""#, false), (#""sub":"\ud800""#, false),
        ] {
            let token = TestTokens.signed(#"{"exp":1800000100,\#(claims)}"#)
            #expect((await Self.refusal(token) == nil) == isFine, "\(claims)")
        }
        let token = TestTokens.signed(#"{"exp":1800000100,"sub":"1","name":"alice","client":"c1"}"#)
        let named = try await Self.authenticator(TokenRules(userClaim: "name")).verdict(token, user: "other")
        #expect(named == .accepted(user: "alice", for: .seconds(160)))
        let rules = TokenRules(clientIDClaim: "client", userNameClaim: "name")
        for (client, user, isFine) in [
            ("c1", "alice", true), ("c2", "alice", false), ("", "alice", false), ("c1", "bob", false),
            ("c1", nil, false), ("c1", "", false),
        ] as [(String, String?, Bool)] {
            #expect((await Self.refusal(token, rules, clientID: client, user: user) == nil) == isFine)
        }
        for rules in [TokenRules(clientIDClaim: "none"), TokenRules(userNameClaim: "none")] {
            #expect(await Self.refusal(token, rules, clientID: "", user: "") != nil)
        }
    }

    /// Of two spellings that look the same only one is right.
    @Test func namesAreComparedByTheirBytes() async throws {
        let token = TestTokens.signed(#"{"exp":1800000100,"sub":"a","iss":"e\u0301"}"#)
        #expect(await Self.refusal(token, TokenRules(issuer: "e\u{301}")) == nil)
        #expect(await Self.refusal(token, TokenRules(issuer: "\u{E9}")) != nil)
        // Two names that Swift takes for one.
        let twice = TestTokens.signed("{\"exp\":1800000100,\"sub\":\"a\",\"e\u{301}\":1,\"\u{E9}\":2}")
        #expect(await Self.refusal(twice) == nil)
    }

    // MARK: Its form

    @Test func whatIsNoTokenIsForOthersToDecideAbout() async throws {
        struct Others: Authenticator {
            func authenticate(_ credentials: ClientCredentials) async throws -> AuthenticationVerdict {
                .accepted(user: "other")
            }
        }
        let keys = try TokenKeys(secret: TestTokens.secret)
        let alone = TokenAuthenticator(keys, at: TestTime(Self.now))
        let both = TokenAuthenticator(keys, otherwise: Others(), at: TestTime(Self.now))
        let token = TestTokens.signed(#"{"sub":"alice","exp":1800000100}"#)
        for password in [
            nil, "", "sesame", "a.b.c", "..", "e30.e30.e30", token + ".", "." + token, token + ".AAAA",
            String(token.prefix { $0 != "." }), token.replacing(".", with: " "), token.replacing("e", with: "é"),
            String(repeating: "x", count: 9_000),
        ] {
            #expect(try await alone.authenticate(.showing(password)) == .refused, "\(password ?? "")")
            #expect(try await both.authenticate(.showing(password)) == .accepted(user: "other"), "\(password ?? "")")
        }
        #expect(try await both.verdict(token) == .accepted(user: "alice", for: .seconds(160)))
        // One that is a token, and not a good one, is shown to nobody else.
        #expect(await both.refusal(TestTokens.signed(#"{"sub":"alice","exp":1}"#)) == "its token has ended")
        #expect(both.exchange(by: "SCRAM-SHA-256", .showing(nil)) == nil)
    }

    @Test func whatIsLongOrDeepIsNotRead() async throws {
        func token(_ filler: Int) -> String {
            TestTokens.signed(#"{"sub":"alice","exp":1800000100,"x":"\#(String(repeating: "x", count: filler))"}"#)
        }
        let spare = (Token.limit - token(0).utf8.count) / 4 * 3
        #expect(await Self.refusal(token(spare - 3)) == nil)
        #expect(await Self.refusal(token(spare + 4)) == "refused")
        func deep(_ depth: Int) -> String {
            let value = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
            return TestTokens.signed(#"{"sub":"alice","exp":1800000100,"x":\#(value),"y":"[[[[[[[[[[[[[[[[[[\"[["}"#)
        }
        #expect(await Self.refusal(deep(15)) == nil)
        #expect(await Self.refusal(deep(16))?.contains("says nothing that is an object") == true)
        #expect(await Self.refusal(deep(2_000))?.contains("says nothing that is an object") == true)
        let header = #"{"alg":"HS256","x":\#(String(repeating: "[", count: 2_000))"#
        #expect(await Self.refusal(TestTokens.signed("{}", header: header)) == "refused")
    }

    @Test(arguments: ["", "1", "[]", "null", #""text""#, "{", "{}x", #"{"sub":}"#, "\u{FEFF}{}"])
    func whatIsNoObjectSaysNothing(_ claims: String) async throws {
        #expect(await Self.refusal(TestTokens.signed(claims))?.contains("says nothing that is an object") == true)
        let bytes: [UInt8] = Array(#"{"sub":""#.utf8) + [0xFF] + Array(#""}"#.utf8)
        #expect(await Self.refusal(TestTokens.signed(bytes))?.contains("says nothing that is an object") == true)
    }

    @Test func extensionsThatMatterAreNotPassedOver() async throws {
        let claims = #"{"sub":"alice","exp":1800000100}"#
        for header in [#""crit":["exp"]"#, #""crit":[]"#, #""crit":["b64"],"b64":false"#, #""crit":null"#] {
            let token = TestTokens.signed(claims, header: #"{"alg":"HS256",\#(header)}"#)
            #expect(await Self.refusal(token)?.contains("extensions") == true)
        }
        // A key that comes with a token is nobody's; what says no more than that is passed over.
        let key = Self.named(nil, 7)
        let own = TestTokens.signed(
            claims,
            header: #"{"alg":"HS256","jwk":\#(key),"jku":"http://127.0.0.1:1/","x5c":["AAAA"]}"#,
            secret: [UInt8](repeating: 7, count: 32)
        )
        #expect(await Self.refusal(own)?.contains("signature") == true)
        #expect(await Self.refusal(TestTokens.signed(claims, header: #"{"typ":"at+jwt","alg":"HS256","x":1}"#)) == nil)
    }

    // MARK: Whatever comes

    /// Whatever is changed of a token, nobody is let in by it, and nothing breaks.
    @Test func whatIsChangedLetsNobodyIn() async throws {
        var source = SplitMix64(seed: 7_519)
        let authenticator = TokenAuthenticator(try Self.keys(Example.set), Example.rules, at: TestTime(Example.end))
        let originals = Set(Example.tokens)
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/".utf8)
        let headers = ["none", "HS256", "HS512", "RS256", "PS256", "ES256", "ES512", "EdDSA"].map {
            TestTokens.base64URL(Array(#"{"alg":"\#($0)"}"#.utf8))
        }
        func changed(_ token: String) -> [UInt8] {
            var parts = token.split(separator: ".").map(String.init)
            switch Int.random(in: 0..<6, using: &source) {
            case 0: parts[0] = headers.randomElement(using: &source) ?? ""
            case 1: parts[2] = ""
            case 2:
                let other = Example.tokens.randomElement(using: &source) ?? ""
                parts[2] = String(other.split(separator: ".").last ?? "")
            default: break
            }
            var bytes = Array(parts.joined(separator: ".").utf8)
            for _ in 0..<Int.random(in: 0..<4, using: &source) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &source)
                switch Int.random(in: 0..<4, using: &source) {
                case 0: bytes[place] = .random(in: .min ... .max, using: &source)
                case 1: bytes[place] = alphabet.randomElement(using: &source) ?? 0
                case 2: bytes.insert(alphabet.randomElement(using: &source) ?? 0, at: place)
                default: bytes.removeSubrange(place..<min(bytes.count, place + 3))
                }
            }
            return bytes
        }
        var tried = 0
        while tried < 5_000 {
            let bytes = changed(Example.tokens.randomElement(using: &source) ?? "")
            let text = String(decoding: bytes, as: UTF8.self)
            guard !originals.contains(text) else { continue }
            tried += 1
            if await authenticator.refusal(text) == nil { Issue.record("let in by \(text)") }
        }
        for token in Example.tokens { #expect(await authenticator.refusal(token) == nil) }
    }

    /// Nor does it break by what an issuer may sign.
    @Test func whateverIsSignedBreaksNothing() async throws {
        var source = SplitMix64(seed: 7_515)
        let rules = TokenRules(issuer: "joe", audience: "house", clientIDClaim: "client")
        let authenticator = try Self.authenticator(rules)
        let fine =
            #"{"iss":"joe","aud":["house",[]],"exp":1800000100,"nbf":17.5e8,"iat":1,"sub":"a\u00e9","client":"client"}"#
        let bits = Array(#"{}[],:"\u0e1-.NaIfity"#.utf8)
        for _ in 0..<5_000 {
            var bytes = Array(fine.utf8)
            for _ in 0...Int.random(in: 0..<4, using: &source) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &source)
                switch Int.random(in: 0..<4, using: &source) {
                case 0: bytes[place] = .random(in: .min ... .max, using: &source)
                case 1: bytes[place] = bits.randomElement(using: &source) ?? 0
                case 2: bytes.insert(bits.randomElement(using: &source) ?? 0, at: place)
                default: bytes.removeSubrange(place..<min(bytes.count, place + 3))
                }
            }
            let verdict = try? await authenticator.verdict(TestTokens.signed(bytes))
            if case .accepted(let user?, _) = verdict { #expect(!user.isEmpty) }
        }
    }
}
