import Foundation
import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletServer

/// SCRAM-SHA-256 as it is said, and the files that it stands on.
@Suite struct SCRAMExchangeTests {
    /// The example of RFC 7677, section 3.
    private static let salt = Base64.bytes("W22ZaJ0SNY7soEsUEjb6gQ==") ?? []
    private static let credential = SCRAMCredential(password: Array("pencil".utf8), salt: salt, iterations: 4_096)
    private static let first = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    private static let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    private static let last = "c=biws,r=\(nonce),p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="

    private static func exchange(isKnown: Bool = true) -> SCRAMExchange {
        SCRAMExchange(nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0") { _ in
            SCRAMExchange.User(credential: credential, isKnown: isKnown)
        }
    }

    @Test func doesAsTheExampleOfItsRFC() throws {
        var exchange = Self.exchange()
        #expect(
            try exchange.answer(Array(Self.first.utf8))
                == .proceed(Array("r=\(Self.nonce),s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096".utf8))
        )
        #expect(
            try exchange.answer(Array(Self.last.utf8))
                == .accepted(user: "user", Array("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=".utf8))
        )
        #expect(throws: MessagingError.self) { try exchange.answer(Array(Self.last.utf8)) }
    }

    /// Also one who knows what was made up of a user that there is not.
    @Test func whoIsNotThereIsRefusedWhateverHeSays() throws {
        var exchange = Self.exchange(isKnown: false)
        _ = try exchange.answer(Array(Self.first.utf8))
        #expect(try exchange.answer(Array(Self.last.utf8)) == .refused)
    }

    @Test(arguments: [
        "", "n", "n,,", "n,,n=user", "n,,r=x,n=user", "n,,n=,r=x", "n,,n=user,r=", "x,,n=user,r=x", "n,n=user,r=x",
        // A server that is asked for a channel binding, an extension that matters, or to act as another.
        "p=tls-exporter,,n=user,r=x", "n,,m=1,n=user,r=x", "n,a=other,n=user,r=x", "n,user,n=user,r=x",
        "n,a=,n=user,r=x",
        "n,,n=us=er,r=x", "n,,n=user=2,r=x", "n,,n=user=2c,r=x", "n,,n=user,r=x y", "n,,n=user,r=x,1=2",
        "n,,n=user,r=x,x",
        "n,,n=user,r=x,", "n,,n=us\0er,r=x", "n,,n=user,r=ä",
    ]) func aFirstMessageThatIsNoneIsRefused(_ message: String) {
        var exchange = Self.exchange()
        #expect(throws: MessagingError.self) { try exchange.answer(Array(message.utf8)) }
        // Nor does anything come after it.
        #expect(throws: MessagingError.self) { try exchange.answer(Array(Self.last.utf8)) }
    }

    @Test func aMessageThatIsLongOrNoTextIsRefused() {
        var exchange = Self.exchange()
        let long = Array(Self.first.utf8) + [UInt8](repeating: 0x61, count: 4_096)
        #expect(throws: MessagingError.self) { try exchange.answer(long) }
        var other = Self.exchange()
        #expect(throws: MessagingError.self) { try other.answer(Array("n,,n=".utf8) + [0xFF] + Array(",r=x".utf8)) }
    }

    @Test(arguments: [
        "", "c=biws", "c=biws,r=\(nonce)", "c=biws,r=\(nonce),p=!", "r=\(nonce),c=biws,p=AAAA",
        // Another beginning, nonce or extension than there was.
        last.replacing("c=biws", with: "c=eSws"), last.replacing("c=biws", with: "c=biwsAA=="),
        last.replacing("$k0", with: "$k1"), last.replacing("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", with: ""),
        last.replacing(",p=", with: ",m=1,p="), last + ",x=1",
    ]) func aLastMessageThatIsNoneIsRefused(_ message: String) throws {
        var exchange = Self.exchange()
        _ = try exchange.answer(Array(Self.first.utf8))
        #expect(throws: MessagingError.self) { try exchange.answer(Array(message.utf8)) }
        #expect(throws: MessagingError.self) { try exchange.answer(Array(Self.last.utf8)) }
    }

    /// A proof that is wrong, of another length, or of a message with something more in it.
    @Test(arguments: [
        last.replacing("p=dH", with: "p=eH"), "c=biws,r=\(nonce),p=", last.replacing("p=dHzb", with: "p="),
        last.replacing(",p=", with: ",x=1,p="),
    ]) func aProofThatIsWrongIsRefused(_ message: String) throws {
        var exchange = Self.exchange()
        _ = try exchange.answer(Array(Self.first.utf8))
        #expect(try exchange.answer(Array(message.utf8)) == .refused)
    }

    @Test(arguments: ["n,,", "y,,", "n,a=a=2Cb=3Dc,"]) func namesAndOptionalWordsAreUnderstood(_ header: String) throws
    {
        var exchange = SCRAMExchange(nonce: "server") { name in
            #expect(name == "a,b=c")
            return SCRAMExchange.User(credential: Self.credential, isKnown: true)
        }
        let client = SCRAMClient(user: "a=2Cb=3Dc", password: "pencil", header: header)
        guard case .proceed(let challenge) = try exchange.answer(client.first) else {
            throw ServerError("no challenge")
        }
        let (message, signature) = try client.final(challenge)
        #expect(try exchange.answer(message) == .accepted(user: "a,b=c", signature))
    }

    /// Whatever is changed of what a client says, nobody is let in by it, and nothing breaks.
    @Test func whatIsChangedLetsNobodyIn() throws {
        var source = SplitMix64(seed: 7_677)
        func changed(_ text: String) -> [UInt8] {
            var bytes = Array(text.utf8)
            for _ in 0...Int.random(in: 0..<3, using: &source) {
                let place = Int.random(in: 0..<bytes.count, using: &source)
                switch Int.random(in: 0..<4, using: &source) {
                case 0: bytes[place] = .random(in: .min ... .max, using: &source)
                case 1: bytes[place] = [UInt8]("=,nrapmcv".utf8).randomElement(using: &source) ?? 0
                case 2: bytes.insert(UInt8(ascii: ","), at: place)
                default: bytes.removeSubrange(place..<min(bytes.count, place + 3))
                }
                if bytes.isEmpty { return bytes }
            }
            return bytes
        }
        var steps = 0
        for _ in 0..<5_000 {
            var exchange = Self.exchange()
            let isFirst = Bool.random(using: &source)
            let first = isFirst ? changed(Self.first) : Array(Self.first.utf8)
            guard (try? exchange.answer(first)) != nil else { continue }
            let last = isFirst ? Array(Self.last.utf8) : changed(Self.last)
            guard first != Array(Self.first.utf8) || last != Array(Self.last.utf8) else { continue }
            steps += 1
            if case .accepted = try? exchange.answer(last) {
                Issue.record("let in by \(String(decoding: first + last, as: UTF8.self))")
            }
        }
        #expect(steps > 1_000)
    }

    // MARK: Files

    @Test func aFileIsWrittenAndRead() async throws {
        let folder = try TemporaryFolder("scram")
        defer { folder.remove() }
        let path = folder.path("keys")
        try SCRAMFile.setPassword("sesame", of: "alice", in: path, iterations: 4_096)
        try SCRAMFile.setPassword("püss wörd", of: "bób:x", in: path, iterations: 4_096)
        try SCRAMFile.setPassword("pencil", of: "alice", in: path, iterations: 5_000)
        let lines = try TextFile.read(path).split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines[0].hasPrefix(":"))
        #expect(lines[1].hasPrefix("alice:SCRAM-SHA-256$5000:"))
        #expect(lines[2].hasPrefix("bób:x:SCRAM-SHA-256$4096:"))
        #expect(!lines.joined().contains("pencil"))
        #expect(try Self.mode(of: path) == 0o600)
        let file = try SCRAMFile(path: path)
        for (user, password, isRight) in [
            ("alice", "pencil", true), ("alice", "sesame", false), ("bób:x", "püss wörd", true),
            ("carol", "pencil", false),
        ] {
            var exchange = try #require(file.exchange(by: "SCRAM-SHA-256", .none))
            let client = SCRAMClient(user: user, password: password)
            guard case .proceed(let challenge) = try await exchange.answer(client.first) else {
                throw ServerError("no challenge")
            }
            let (message, signature) = try client.final(challenge)
            #expect(try await exchange.answer(message) == (isRight ? .accepted(user: user, signature) : .refused))
        }
        #expect(file.exchange(by: "SCRAM-SHA-1", .none) == nil)
        #expect(file.exchange(by: "scram-sha-256", .none) == nil)
        #expect(try await file.authenticate(.none) == .refused)
    }

    /// It stays readable for whom it was, and is left alone where nothing can be set.
    @Test func aFileIsExchangedAsAWhole() throws {
        let folder = try TemporaryFolder("scram")
        defer { folder.remove() }
        let path = try folder.write("# mine\n", to: "keys")
        try Self.setMode(0o640, of: path)
        try SCRAMFile.setPassword("sesame", of: "alice", in: path, iterations: 4_096)
        #expect(try Self.mode(of: path) == 0o640)
        let text = try TextFile.read(path)
        #expect(text.hasPrefix("# mine\nalice:"))
        for (user, password, iterations) in [
            ("", "x", 4_096), (" a", "x", 4_096), ("#a", "x", 4_096), (":a", "x", 4_096),
            ("a:SCRAM-SHA-256$", "x", 4_096), ("a\nb", "x", 4_096), ("ａ", "x", 4_096), ("a\u{308}", "x", 4_096),
            ("a", "", 4_096), ("a", "\u{2126}", 4_096), ("a", "x\u{AD}", 4_096), ("a", "x", 4_095),
            ("a", "x", 10_000_001),
        ] {
            #expect(throws: MessagingError.self, "\(user)") {
                try SCRAMFile.setPassword(password, of: user, in: path, iterations: iterations)
            }
        }
        #expect(try TextFile.read(path) == text)
        #expect(throws: MessagingError.self) { try SCRAMFile.setPassword("x", of: "a", in: folder.path("none/keys")) }
    }

    @Test(arguments: [
        "alice", "alice:secret", "alice:$7$101$AA==$AA==", ":AA==", ":?", "ａ:\(credential.text)", ":\(credential.text)",
        "alice:\(credential.text.replacing("$4096", with: "$4095"))", "alice:\(credential.text.dropLast(4))",
        "alice:\(credential.text.replacing("SCRAM-SHA-256", with: "SCRAM-SHA-1"))", "alice:\(credential.text)$",
        "bob:\(credential.text)\nbob:\(credential.text)",
    ]) func aFileThatIsWrongNamesItsLine(_ lines: String) {
        let error = #expect(throws: MessagingError.self) {
            try SCRAMFile(text: "# a comment\n\n\(lines)\n", name: "keys")
        }
        let number = lines.contains("\n") ? 4 : 3
        #expect(error?.description.contains("line \(number) of keys") == true, "\(String(describing: error))")
    }

    /// Who is not there has a salt of his own, always the same, and as long as those of most.
    @Test func strangersCanNotBeToldFromUsers() throws {
        func line(_ name: String, _ salt: Int, _ iterations: Int) -> String {
            let credential = SCRAMCredential(
                salt: [UInt8](repeating: 1, count: salt),
                iterations: iterations,
                storedKey: [UInt8](repeating: 2, count: 32),
                serverKey: [UInt8](repeating: 3, count: 32)
            )
            return "\(name):\(credential.text)\n"
        }
        let users = line("a", 20, 8_000) + line("b", 20, 8_000) + line("c", 16, 4_096)
        let secret = ":\(Base64.text([UInt8](repeating: 7, count: 32)))\n"
        let (one, other) = (
            try SCRAMFile(text: secret + users, name: "keys"),
            try SCRAMFile(text: secret + users + line("d", 16, 4_096), name: "keys")
        )
        let stranger = one.user("x")
        #expect(!stranger.isKnown && one.user("a").isKnown)
        #expect(stranger.credential.salt.count == 20)
        #expect(stranger.credential.iterations == 8_000)
        // Whoever else comes into the file.
        #expect(other.user("x").credential == stranger.credential)
        #expect(one.user("y").credential.salt != stranger.credential.salt)
        // Without a secret it is the file's.
        #expect(
            try SCRAMFile(text: users, name: "keys").user("x").credential
                == SCRAMFile(text: users, name: "other").user("x").credential
        )
        #expect(try SCRAMFile(text: "", name: "keys").user("x").credential.salt.count == 16)
    }

    private static func mode(of path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return (attributes[.posixPermissions] as? NSNumber)?.intValue ?? 0
    }

    private static func setMode(_ mode: Int, of path: String) throws {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }
}

extension ClientCredentials {
    /// Those of somebody who shows nothing.
    fileprivate static let none = ClientCredentials(
        clientID: "",
        user: nil,
        password: nil,
        address: "127.0.0.1",
        isLoopback: true,
        listener: "mqtt",
        certificateSubject: nil,
        certificateName: nil
    )
}
