import Foundation
import Martlet
import MartletIO
import MartletTesting
import Testing

@Suite struct TLSStreamTests {
    /// Two ends of a connection on this machine.
    private static func pair() throws -> (Int32, Int32) {
        var ends: [Int32] = [0, 0]
        #if canImport(Darwin)
        let kind = SOCK_STREAM
        #else
        // A server that another test starts just now would inherit them, and keep them open.
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        #endif
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw SupportError("socketpair: \(errno)") }
        guard fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0 else { throw SupportError("fcntl: \(errno)") }
        return (ends[0], ends[1])
    }

    /// Closes an end, and what a process that is being started by another test may still have of it.
    private static func end(_ descriptor: Int32) {
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }

    private static func received(_ descriptor: Int32) -> [UInt8] {
        var result: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = recv(descriptor, &buffer, buffer.count, 0), count > 0 { result += buffer[..<count] }
        return result
    }

    private static func error(_ state: TLSStream.Handshake) -> MessagingError? {
        if case .failed(let error) = state { error } else { nil }
    }

    /// A quarter of a mebibyte there and the wrong way round back, in pieces that don't fit what the socket takes at once.
    @Test func largeDataBothWays() async throws {
        let isSame = try await onThread {
            let authority = try Authority()
            let server = try ServerProcess(try authority.issue("server", for: "DNS:broker.test"))
            let client = try TestClient(
                try TLSContext(TLSOptions(trust: .file(authority.file)), host: "broker.test"),
                port: server.port
            )
            try client.handshake()
            // The server turns round pieces of up to 16 KiB that end with a line.
            let line = (0..<1_000).map { UInt8(ascii: "a") + UInt8($0 % 26) }
            var isSame = true
            let expected = Array(line.reversed()) + [10]
            for _ in 0..<64 {
                for _ in 0..<4 { try client.write(line + [10]) }
                for _ in 0..<4 where try client.read(expected.count) != expected { isSame = false }
            }
            client.stream.close()
            return isSame
        }
        #expect(isSame)
    }

    @Test func aWriteThatTheSocketDoesNotTakeGoesOnLater() async throws {
        let result = try await onThread {
            let authority = try Authority()
            let files = try authority.issue("server", for: "DNS:broker.test")
            let (ours, theirs) = try Self.pair()
            defer { close(theirs) }
            let client = try TestClient(
                try TLSContext(TLSOptions(trust: .file(authority.file)), host: "broker.test"),
                descriptor: ours
            )
            let server = try MemoryServer(files)
            while case .wantsRead = client.stream.handshake() {
                Self.send(server.take(Self.received(theirs)), to: theirs)
            }
            // Nobody reads: the socket's buffers fill.
            let bytes = [UInt8](repeating: 7, count: 1 << 20)
            var sent = 0
            var blocked = 0
            while blocked < 3 {
                switch bytes.withUnsafeBytes({ client.stream.write($0) }) {
                case .bytes(let count): sent += count
                case .wouldBlock: blocked += 1
                case .wantsRead, .failed: return (0, 0)
                }
            }
            _ = Self.received(theirs)
            // The same bytes from elsewhere in memory, and more of them.
            let more = bytes + bytes
            guard case .bytes(let count) = more.withUnsafeBytes({ client.stream.write($0) }) else { return (0, 0) }
            return (sent, count)
        }
        #expect(result.0 > 0)
        #expect(result.1 > 0)
    }

    private static func send(_ bytes: [UInt8], to descriptor: Int32) {
        if !bytes.isEmpty { _ = Foundation.send(descriptor, bytes, bytes.count, 0) }
    }

    @Test func theEndOfTheOtherSideIsNoSignal() async throws {
        let codes = try await onThread {
            let authority = try Authority()
            let files = try authority.issue("server", for: "DNS:broker.test")
            let (ours, theirs) = try Self.pair()
            let client = try TestClient(
                try TLSContext(TLSOptions(trust: .file(authority.file)), host: "broker.test"),
                descriptor: ours
            )
            let server = try MemoryServer(files)
            while case .wantsRead = client.stream.handshake() {
                Self.send(server.take(Self.received(theirs)), to: theirs)
            }
            Self.end(theirs)
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
            return codes
        }
        #expect(codes == Array(repeating: .connectionLost, count: 4))
    }

    @Test func aServerThatGoesDuringTheHandshake() throws {
        let (ours, theirs) = try Self.pair()
        let client = try TestClient(
            try TLSContext(TLSOptions(verification: .none), host: "broker.test"),
            descriptor: ours
        )
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
        Self.end(theirs)
        let error = Self.error(client.stream.handshake())
        #expect(error?.code == .connectionLost)
        #expect(error?.message == "the broker closed the connection during the TLS handshake")
        #expect(Self.error(client.stream.handshake())?.message == error?.message)
    }

    @Test(arguments: ["+OK redis\r\n", "-NOAUTH Authentication required.\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n"])
    func aServerThatDoesNotSpeakTLS(text: String) throws {
        let (ours, theirs) = try Self.pair()
        defer { close(theirs) }
        let client = try TestClient(
            try TLSContext(TLSOptions(verification: .none), host: "broker.test"),
            descriptor: ours
        )
        _ = client.stream.handshake()
        Self.send(Array(text.utf8), to: theirs)
        let error = Self.error(client.stream.handshake())
        #expect(error?.code == .refused)
        #expect(error?.message.contains("does not speak TLS") == true, "\(error?.message ?? "")")
    }

    @Test func nothingOfNothing() throws {
        let (ours, theirs) = try Self.pair()
        defer { close(theirs) }
        let client = try TestClient(
            try TLSContext(TLSOptions(verification: .none), host: "broker.test"),
            descriptor: ours
        )
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
    @Test func noiseIsAnErrorAndNothingElse() throws {
        var generator = SplitMix64(seed: 1)
        let context = try TLSContext(TLSOptions(verification: .none), host: "x")
        for round in 0..<400 {
            let (ours, theirs) = try Self.pair()
            let client = try TestClient(context, descriptor: ours)
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
            Self.end(theirs)
            #expect(Self.error(client.stream.handshake()) != nil)
        }
    }

    /// A server's true answers with something changed: each handshake comes to an end within a few steps, and what is
    /// read after it is what was sent or an error.
    @Test(arguments: [true, false])
    func changedAnswersNeverTrapOrSpin(isTLS13: Bool) async throws {
        let ends = try await onThread {
            let authority = try Authority()
            let files = try authority.issue("server", for: "DNS:broker.test")
            let context = try TLSContext(TLSOptions(trust: .file(authority.file)), host: "broker.test")
            var generator = SplitMix64(seed: 7)
            var ends: [String: Int] = [:]
            for round in 0..<600 {
                let end = try Self.handshake(
                    context,
                    with: try MemoryServer(files, isTLS13: isTLS13),
                    // The first ones as they are, so that all the rest is known to be the changes' doing.
                    changingAnswer: round < 5 ? nil : round % 3,
                    using: &generator
                )
                ends[end, default: 0] += 1
            }
            return ends
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
        let (ours, theirs) = try pair()
        var isClosed = false
        defer { if !isClosed { close(theirs) } }
        let client = try TestClient(context, descriptor: ours)
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
                end(theirs)
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
