import IntegrationSupport
import Martlet
import MartletTesting
import MartletTransport
import Testing

@Suite(.timeLimit(.minutes(10))) struct TLSStreamTests {
    private static func received(_ socket: Socket) -> [UInt8] {
        var result: [UInt8] = []
        while case .done(let bytes) = socket.read() { result += bytes }
        return result
    }

    private static func send(_ bytes: [UInt8], to socket: Socket) {
        if !bytes.isEmpty { _ = socket.write(bytes) }
    }

    /// A client of a server that has the test authority's certificate.
    private static func client(_ socket: Socket) async throws -> TestClient {
        let authority = try await TestCertificates.shared.authority
        return try TestClient(TLSContext(TLSOptions(trust: .file(authority)), host: "localhost"), socket)
    }

    /// A client of whatever server there is.
    private static func trustingClient(_ socket: Socket) throws -> TestClient {
        try TestClient(TLSContext(TLSOptions(verification: .none), host: "broker.test"), socket)
    }

    /// Brings the handshake between a client and a server in memory to its end.
    private static func open(_ client: TestClient, over socket: Socket) async throws {
        try open(client, of: MemoryServer(await TestCertificates.shared.server), over: socket)
    }

    private static func open(_ client: TestClient, of server: MemoryServer, over socket: Socket) {
        while case .wantsRead = client.stream.handshake() { send(server.take(received(socket)), to: socket) }
    }

    private static func error(_ state: TLSStream.Handshake) -> MessagingError? {
        if case .failed(let error) = state { error } else { nil }
    }

    private static func failureOfWriting(_ client: TestClient) -> MessagingError? {
        if case .failed(let error) = [1, 2, 3].withUnsafeBytes({ client.stream.write($0) }) { error } else { nil }
    }

    /// A quarter of a mebibyte there and the wrong way round back, in pieces that don't fit what the socket takes at once.
    @Test func largeDataBothWays() async throws {
        let certificates = try await TestCertificates.shared
        let context = try TLSContext(TLSOptions(trust: .file(certificates.authority)), host: "localhost")
        try await OpenSSLServer.withServer(certificates.server) { server in
            let client = try await TestClient(context, port: server.port)
            try await client.handshake()
            // The server turns round pieces of up to 16 KiB that end with a line.
            let line = (0..<1_000).map { UInt8(ascii: "a") + UInt8($0 % 26) }
            let expected = Array(line.reversed()) + [10]
            for _ in 0..<64 {
                for _ in 0..<4 { try await client.write(line + [10]) }
                for _ in 0..<4 {
                    let answer = try await client.read(expected.count)
                    #expect(answer == expected)
                }
            }
            client.stream.close()
        }
    }

    @Test func aWriteThatTheSocketDoesNotTakeGoesOnLater() async throws {
        let (ours, theirs) = try Socket.pair()
        defer { withExtendedLifetime(theirs) {} }
        let client = try await Self.client(ours)
        try await Self.open(client, over: theirs)
        // Nobody reads: the socket's buffers fill.
        let bytes = [UInt8](repeating: 7, count: 1 << 20)
        var sent = 0
        var blocked = 0
        while blocked < 3 {
            switch bytes.withUnsafeBytes({ client.stream.write($0) }) {
            case .bytes(let count): sent += count
            case .wouldBlock: blocked += 1
            case .wantsRead, .failed:
                Issue.record("the stream can't be written to")
                return
            }
        }
        #expect(sent > 0)
        _ = Self.received(theirs)
        // The same bytes from elsewhere in memory, and more of them.
        let more = bytes + bytes
        guard case .bytes(let count) = more.withUnsafeBytes({ client.stream.write($0) }) else {
            Issue.record("the stream did not go on")
            return
        }
        #expect(count > 0)
    }

    @Test func theEndOfTheOtherSideIsNoSignal() async throws {
        let (ours, theirs) = try Socket.pair()
        let client = try await Self.client(ours)
        try await Self.open(client, over: theirs)
        theirs.end()
        var codes: [MessagingError.Code?] = []
        for _ in 0..<3 {
            if case .failed(let error) = [1, 2, 3].withUnsafeBytes({ client.stream.write($0) }) {
                codes.append(error.code)
            }
        }
        var buffer = [UInt8](repeating: 0, count: 9)
        if case .failed(let error) = buffer.withUnsafeMutableBytes({ client.stream.read(into: $0) }) {
            codes.append(error.code)
        }
        client.stream.close()
        #expect(codes == Array(repeating: .connectionLost, count: 4))
    }

    /// Under TLS 1.3 the client takes the link for open before the server has seen that there is no certificate.
    @Test func aFailedWriteTellsWhyTheServerHasGone() async throws {
        let (ours, theirs) = try Socket.pair()
        let client = try await Self.client(ours)
        let server = try MemoryServer(await TestCertificates.shared.server, requiresCertificate: true)
        Self.open(client, of: server, over: theirs)
        Self.send(server.take(Self.received(theirs)), to: theirs)
        theirs.end()
        for _ in 0..<2 {
            let error = Self.failureOfWriting(client)
            #expect(error?.code == .refused)
            #expect(error?.message.contains("alert certificate required") == true, "\(error?.message ?? "")")
        }
        await #expect(throws: MessagingError.self) { try await client.read(1) }
        client.stream.close()
    }

    @Test func whatTheServerSaidBeforeItWentIsReadAfterAFailedWrite() async throws {
        let (ours, theirs) = try Socket.pair()
        let client = try await Self.client(ours)
        let server = try MemoryServer(await TestCertificates.shared.server)
        Self.open(client, of: server, over: theirs)
        Self.send(server.take(Self.received(theirs), reply: Array("goodbye".utf8)), to: theirs)
        theirs.end()
        let error = Self.failureOfWriting(client)
        #expect(error?.code == .connectionLost)
        #expect(try await client.read(4) == Array("good".utf8))
        #expect(Self.failureOfWriting(client)?.message == error?.message)
        #expect(try await client.read(3) == Array("bye".utf8))
        await #expect(throws: MessagingError.self) { try await client.read(1) }
        #expect(Self.failureOfWriting(client)?.message == error?.message)
        client.stream.close()
    }

    @Test func aServerThatGoesDuringTheHandshake() throws {
        let (ours, theirs) = try Socket.pair()
        let client = try Self.trustingClient(ours)
        guard case .wantsRead = client.stream.handshake() else {
            Issue.record("the handshake went on")
            return
        }
        // A silent server: nothing changes.
        for _ in 0..<10 {
            guard case .wantsRead = client.stream.handshake() else {
                Issue.record("the handshake went on")
                return
            }
        }
        // All of the hello is read, or closing would reset the connection.
        #expect(!Self.received(theirs).isEmpty)
        theirs.end()
        let error = Self.error(client.stream.handshake())
        #expect(error?.code == .connectionLost)
        #expect(error?.message == "the broker closed the connection during the TLS handshake")
        #expect(Self.error(client.stream.handshake())?.message == error?.message)
    }

    @Test(arguments: ["+OK redis\r\n", "-NOAUTH Authentication required.\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n"])
    func aServerThatDoesNotSpeakTLS(text: String) throws {
        let (ours, theirs) = try Socket.pair()
        defer { withExtendedLifetime(theirs) {} }
        let client = try Self.trustingClient(ours)
        _ = client.stream.handshake()
        Self.send(Array(text.utf8), to: theirs)
        let error = Self.error(client.stream.handshake())
        #expect(error?.code == .refused)
        #expect(error?.message.contains("does not speak TLS") == true, "\(error?.message ?? "")")
    }

    @Test func nothingOfNothing() throws {
        let (ours, theirs) = try Socket.pair()
        defer { withExtendedLifetime(theirs) {} }
        let client = try Self.trustingClient(ours)
        guard case .bytes(0) = client.stream.write(UnsafeRawBufferPointer(start: nil, count: 0)),
            case .bytes(0) = client.stream.read(into: UnsafeMutableRawBufferPointer(start: nil, count: 0))
        else {
            Issue.record("an empty buffer is not 0 bytes")
            return
        }
        client.stream.close()
        #expect(Self.error(client.stream.handshake())?.code == .connectionLost)
    }

    /// Noise for an answer. Whatever it is, the client waits for more or fails; once no more comes it fails.
    @Test func noiseIsAnErrorAndNothingElse() async throws {
        var generator = SplitMix64(seed: 1)
        let context = try TLSContext(TLSOptions(verification: .none), host: "x")
        for round in 0..<400 {
            let (ours, theirs) = try Socket.pair()
            let client = try TestClient(context, ours)
            _ = client.stream.handshake()
            var bytes = (0..<Int.random(in: 1...600, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            // Half of it looks like a record, so that it gets further than its first byte.
            if round.isMultiple(of: 2) {
                bytes = [22, 3, 3, 0, UInt8.random(in: 1...255, using: &generator), 2, 0, 0] + bytes
            }
            Self.send(bytes, to: theirs)
            _ = client.stream.handshake()
            _ = Self.received(theirs)
            theirs.end()
            #expect(Self.error(client.stream.handshake()) != nil)
            // Others want to run, too.
            await Task.yield()
        }
    }

    /// A server's true answers with something changed: each handshake comes to an end within a few steps, and what is
    /// read after it is what was sent or an error.
    @Test(arguments: [true, false])
    func changedAnswersNeverTrapOrSpin(isTLS13: Bool) async throws {
        let certificates = try await TestCertificates.shared
        let context = try TLSContext(TLSOptions(trust: .file(certificates.authority)), host: "localhost")
        var generator = SplitMix64(seed: 7)
        var ends: [String: Int] = [:]
        for round in 0..<600 {
            let end = try Self.handshake(
                context,
                with: try MemoryServer(certificates.server, isTLS13: isTLS13),
                // The first ones as they are, so that all the rest is known to be the changes' doing.
                changingAnswer: round < 5 ? nil : round % 3,
                using: &generator
            )
            ends[end, default: 0] += 1
            // Others want to run, too.
            await Task.yield()
        }
        #expect(ends["read", default: 0] >= 5, "\(ends)")
        #expect(ends["failed", default: 0] > 100, "\(ends)")
        #expect(ends["wrong", default: 0] == 0, "\(ends)")
        #expect(ends["endless", default: 0] == 0, "\(ends)")
    }

    private static func handshake(
        _ context: TLSContext,
        with server: MemoryServer,
        changingAnswer changed: Int?,
        using generator: inout SplitMix64
    ) throws -> String {
        let (ours, theirs) = try Socket.pair()
        var isClosed = false
        let client = try TestClient(context, ours)
        let message = Array("the message".utf8)
        var isOpen = false
        var isSent = false
        var answers = 0
        var buffer = [UInt8](repeating: 0, count: 100)
        for _ in 0..<50 {
            if !isOpen {
                switch client.stream.handshake() {
                case .done: isOpen = true
                case .wantsRead, .wantsWrite: break
                case .failed: return "failed"
                }
            }
            if isOpen {
                switch buffer.withUnsafeMutableBytes({ client.stream.read(into: $0) }) {
                case .bytes(let count): return Array(buffer[..<count]) == message ? "read" : "wrong"
                case .closed, .failed: return "failed"
                case .wouldBlock, .wantsWrite: break
                }
            }
            if isClosed { continue }
            let question = received(theirs)
            var answer = server.take(question, reply: isOpen && !isSent ? message : [])
            if isOpen { isSent = true }
            if question.isEmpty, answer.isEmpty {
                // Both wait for each other: the server gives up.
                theirs.end()
                isClosed = true
                continue
            }
            if !answer.isEmpty {
                if answers == changed { change(&answer, using: &generator) }
                answers += 1
                send(answer, to: theirs)
            }
        }
        return "endless"
    }

    private static func change(_ bytes: inout [UInt8], using generator: inout SplitMix64) {
        for _ in 0..<Int.random(in: 1...3, using: &generator) where !bytes.isEmpty {
            let index = Int.random(in: bytes.indices, using: &generator)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1: bytes.removeSubrange(index..<min(bytes.count, index + 40))
            case 2: bytes.insert(contentsOf: bytes[index...].prefix(40), at: index)
            default: bytes[index] = UInt8.random(in: 0...255, using: &generator)
            }
        }
    }
}
