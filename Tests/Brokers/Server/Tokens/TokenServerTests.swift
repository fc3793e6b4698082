import IntegrationSupport
import Martlet
import MartletMQTTWire
import Testing

@testable import MartletJWT
@testable import MartletServer

/// Clients that show tokens, on sockets.
@Suite(.timeLimit(.minutes(5))) struct TokenServerTests {
    private static let now = 1_800_000_000.0
    private static let method = "OAUTHBEARER"
    private static let rules = TokenRules(issuer: "joe", audience: "house")
    /// The same, without leeway.
    private static let exact = TokenRules(issuer: "joe", audience: "house", leeway: .zero)

    /// As long as a slow machine takes.
    private static let patience: ServerLimits = {
        var limits = ServerLimits()
        limits.authenticationTimeout = .seconds(300)
        return limits
    }()

    private static func authenticator(
        _ rules: TokenRules = rules,
        at time: TestTime = TestTime(now)
    ) throws -> TokenAuthenticator {
        TokenAuthenticator(try TokenKeys(secret: TestTokens.secret), rules, at: time)
    }

    private static func claims(_ user: String, end: Double = now + 3_600, _ rest: String = "") -> String {
        #"{"iss":"joe","aud":"house","sub":"\#(user)","exp":\#(end)\#(rest)}"#
    }

    private static func token(_ user: String, end: Double = now + 3_600) -> String {
        TestTokens.signed(claims(user, end: end))
    }

    @Test(arguments: [ProtocolVersion.v311, .v5])
    func whoShowsATokenIsWhomItNames(_ version: ProtocolVersion) async throws {
        let rules = try AccessRules(text: "pattern users/%u/#\nuser bob\ntopic shared", name: "rules")
        try await withServer(authenticator: try Self.authenticator(), rules: rules, limits: Self.patience) { _, port in
            let alice = try WireClient(port, version)
            // Who it says it is in CONNECT means nothing.
            #expect(try await alice.connect("a", user: "bob", password: Self.token("alice")).reason == .success)
            let answers = try await alice.subscribe(.init("users/alice/#"), .init("users/bob/x"), .init("shared"))
            let none = version == .v5 ? ReasonCode.notAuthorized : .unspecifiedError
            #expect(answers == [.success, none, none])
            try await alice.publish("x", to: "users/alice/a")
            #expect(try await alice.text() == "x")
            // A name with wildcards stands for nobody's topics.
            let sly = try WireClient(port, version)
            #expect(try await sly.connect("s", user: "?", password: Self.token("+")).reason == .success)
            #expect(try await sly.subscribe(.init("users/alice/a"), .init("users/+/a")) == [none, none])
        }
    }

    @Test(arguments: [ProtocolVersion.v311, .v5])
    func whoseTokenIsWrongIsToldAndHarmsNoSession(_ version: ProtocolVersion) async throws {
        let made = try await TestTokens.made(
            #"{"keys":{"p":"P-256","x":"P-256"},"tokens":[["p",{"alg":"ES256","kid":"p"},\#(Self.claims("alice"))],["x",{"alg":"ES256","kid":"x"},\#(Self.claims("alice"))],["x",{"alg":"ES256","kid":"p"},\#(Self.claims("alice"))]]}"#
        )
        var set = made.set
        set.keys.removeAll { $0.kid == "x" }
        let secret = #"{"kty":"oct","k":"\#(TestTokens.base64URL(TestTokens.secret))","kid":"s"}"#
        let text = set.text.replacing(#"{"keys":["#, with: #"{"keys":[\#(secret),"#)
        let keys = try TokenKeys(text: text, name: "keys")
        #expect(keys.count == 2)
        func signed(_ claims: String) -> String { TestTokens.signed(claims, header: #"{"alg":"HS256","kid":"s"}"#) }
        let log = LogLines()
        let authenticator = TokenAuthenticator(keys, Self.rules, at: TestTime(Self.now))
        let server = BrokerServer(
            MemoryBroker(),
            listeners: [.mqtt(port: 0)],
            authenticator: authenticator,
            limits: Self.patience,
            logger: log.logger
        )
        try await withThrowingTaskGroup { group in
            group.addTask { try await server.run() }
            defer { group.cancelAll() }
            let port = try await server.addresses[0].port
            let owner = try WireClient(port, version)
            #expect(try await owner.connect("owner", user: "?", password: made.tokens[0]).reason == .success)
            let other = try WireClient(port, version)
            let bob = signed(Self.claims("bob"))
            #expect(try await other.connect("other", user: "?", password: bob).reason == .success)
            let claims = Self.claims("alice")
            let unsigned = [#"{"alg":"none"}"#, claims].map { TestTokens.base64URL(Array($0.utf8)) }
            let right = signed(claims)
            let wrong: [(String, String?)] = [
                ("a signature", right.dropLast(4) + "AAAA"),
                ("ended", signed(Self.claims("alice", end: Self.now - 61))),
                ("not yet", signed(Self.claims("alice", #","nbf":1800000061"#))),
                ("audience", signed(claims.replacing("house", with: "garden"))),
                ("aud: []", signed(claims.replacing(#""house""#, with: "[]"))),
                ("issuer", signed(claims.replacing("joe", with: "jim"))),
                ("none", unsigned.joined(separator: ".") + "."),
                (
                    "confusion",
                    TestTokens.signed(
                        claims,
                        header: #"{"alg":"HS256","kid":"p"}"#,
                        secret: Array(made.pem["p"].map(\.utf8) ?? "".utf8)
                    )
                ),
                ("unknown kid", made.tokens[1]), ("another's key", made.tokens[2]),
                ("no end", signed(#"{"iss":"joe","aud":"house","sub":"alice"}"#)), ("no token", "sesame"),
                ("nothing", nil),
            ]
            for (what, password) in wrong {
                let client = try WireClient(port, version)
                let connack = try await client.connect("owner", user: "alice", password: password)
                #expect(connack.reason == .badUserNameOrPassword, "\(what)")
                _ = try await client.socket.receiveEnd()
            }
            try await owner.subscribe(.init("a"))
            try await owner.publish("still here", to: "a")
            #expect(try await owner.text() == "still here")
            // People are told why, and no token: the first of them, since the rest came at once.
            #expect(log.all.first?.contains("its token has a signature that is wrong") == true, "\(log.all)")
            #expect(!log.all.joined().contains("eyJ"))
        }
    }

    @Test func whoseTokenEndsIsCutOff() async throws {
        let time = TestTime(Self.now)
        let authenticator = try Self.authenticator(Self.exact, at: time)
        try await withServer(authenticator: authenticator, limits: Self.patience) { _, port in
            let token = Self.token("alice")
            // Both come a moment before its end.
            time.set(Self.now + 3_599.95)
            let new = try WireClient(port)
            #expect(try await new.connect("new", password: token).reason == .success)
            #expect(try await new.disconnectReason() == .maximumConnectTime)
            let old = try WireClient(port, .v311)
            #expect(try await old.connect("old", user: "?", password: token).reason == .success)
            _ = try await old.socket.receiveEnd()
            time.set(Self.now + 3_600)
            #expect(try await WireClient(port).connect("late", password: token).reason == .badUserNameOrPassword)
        }
    }

    /// What a message of the method has.
    private static func bearer(_ token: String) -> [UInt8] { Array("n,,\u{1}auth=Bearer \(token)\u{1}\u{1}".utf8) }

    private static func authenticated(_ port: Int, _ token: String) async throws -> (WireClient, Connack) {
        let client = try WireClient(port)
        var connect = Connect(version: .v5, clientID: "client", keepAlive: 0)
        connect.properties.add(.authenticationMethod, method)
        connect.properties.add(.authenticationData, bearer(token))
        try await client.send(.connect(connect))
        guard case .connack(let connack) = try await client.receive() else { throw ServerError("No CONNACK") }
        return (client, connack)
    }

    private static func anew(_ token: String, _ client: WireClient) async throws {
        var properties = PropertyList()
        properties.add(.authenticationMethod, method)
        properties.add(.authenticationData, bearer(token))
        try await client.send(.auth(Auth(.reauthenticate, properties: properties)))
    }

    /// A client of MQTT 5 shows a new token before the old one ends, and stays.
    @Test func aTokenIsExchangedOnALink() async throws {
        let time = TestTime(Self.now)
        let authenticator = try Self.authenticator(Self.exact, at: time)
        try await withServer(authenticator: authenticator, limits: Self.patience) { _, port in
            let (client, connack) = try await Self.authenticated(port, Self.token("alice"))
            #expect(connack.reason == .success)
            #expect(connack.properties.text(.authenticationMethod) == Self.method)
            try await Self.anew(Self.token("alice", end: Self.now + 7_200), client)
            guard case .auth(let auth) = try await client.receive() else { throw ServerError("No AUTH") }
            #expect(auth.reason == .success)
            // The new end is the one that counts.
            time.set(Self.now + 7_199.95)
            try await Self.anew(Self.token("alice", end: Self.now + 7_200), client)
            guard case .auth = try await client.receive() else { throw ServerError("No AUTH") }
            #expect(try await client.disconnectReason() == .maximumConnectTime)
        }
    }

    @Test func anotherTokenThatIsWrongEndsTheLink() async throws {
        try await withServer(authenticator: try Self.authenticator(), limits: Self.patience) { _, port in
            for token in [Self.token("bob"), Self.token("alice", end: Self.now - 61), "x"] {
                let (client, connack) = try await Self.authenticated(port, Self.token("alice"))
                #expect(connack.reason == .success)
                try await Self.anew(token, client)
                #expect(try await client.disconnectReason() == .notAuthorized)
                let (_, refusal) = try await Self.authenticated(port, token == Self.token("bob") ? "x" : token)
                #expect(refusal.reason == .notAuthorized)
            }
        }
    }
}
