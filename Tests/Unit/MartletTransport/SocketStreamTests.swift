import IntegrationSupport
import Martlet
import MartletTransport
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@Suite(.timeLimit(.minutes(10))) struct SocketStreamTests {
    private func endpoint(_ port: Int) throws -> Endpoint {
        let address = MartletTransport.SocketAddress(numeric: "127.0.0.1", port: port)
        return .tcp(try #require(address), host: "here")
    }

    /// A stream that is open, and what it is connected to.
    private func open() async throws -> (SocketStream, Socket) {
        let listener = try Socket.listening()
        let stream = try SocketStream(to: try endpoint(try listener.localPort), tls: nil, peer: "peer")
        #expect(stream.interest(reads: true, writes: true) == .write)
        var accepted: Socket?
        await until {
            accepted = listener.accept()
            return accepted != nil
        }
        let peer = try #require(accepted)
        #expect(try stream.advance())
        return (stream, peer)
    }

    @Test func itReadsWhatThereIsAndThenTheEnd() async throws {
        let (stream, peer) = try await open()
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 1)
        defer { room.deallocate() }
        #expect(try stream.read(into: room) == 0)
        try await peer.sendAll([1, 2, 3])
        var count = 0
        try await until {
            count = try stream.read(into: room)
            return count > 0
        }
        #expect(Array(room.prefix(count)) == [1, 2, 3])
        peer.endWriting()
        await until {
            do {
                return try stream.read(into: room) != 0
            } catch {
                #expect((error as? MessagingError)?.code == .connectionLost)
                #expect((error as? MessagingError)?.message == "the peer ended the link")
                return true
            }
        }
    }

    /// A machine that has other things to do may read slowly for a while.
    @Test func aFloodIsWorthAPauseOnceAfterEachRead() async throws {
        let pair = Pipe(bidirectional: true)
        let stream = try SocketStream(adopting: dup(pair.readEnd), tls: nil, peer: "peer")
        #expect(try stream.advance())
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 1)
        defer { room.deallocate() }
        func takesPause() throws -> Bool {
            pair.write()
            #expect(try stream.read(into: room) == 1)
            return stream.takePause()
        }
        while try !takesPause() {}
        #expect(!stream.takePause())
        while try !takesPause() {}
        #expect(try Array("x".utf8).withUnsafeBytes { try stream.write($0) } == 1)
        #expect(try !takesPause())
    }

    @Test func itWritesAsMuchAsIsTaken() async throws {
        let (stream, peer) = try await open()
        let bytes = [UInt8](repeating: 7, count: 1 << 20)
        var written = 0
        while true {
            let count = try bytes.withUnsafeBytes { try stream.write($0) }
            if count == 0 { break }
            written += count
        }
        #expect(stream.interest(reads: true, writes: true) == [.read, .write])
        #expect(stream.interest(reads: false, writes: true) == .write)
        #expect(stream.interest(reads: true, writes: false) == .read)
        let received = try await peer.receive(written)
        #expect(received.count == written)
        #expect(try bytes.withUnsafeBytes { try stream.write($0) } > 0)
        stream.close()
        stream.close()
        #expect(stream.interest(reads: true, writes: true) == [])
    }

    @Test func whereNobodyListensItSaysSo() async throws {
        let port = try ReservedPort()
        let failure = await #expect(throws: MessagingError.self) {
            // The system may be sure at once, or take nothing until it is.
            let stream = try SocketStream(to: try endpoint(port.number), tls: nil, peer: "peer")
            try await until { try stream.advance() && [UInt8(1)].withUnsafeBytes { try stream.write($0) } > 0 }
        }
        #expect(failure?.code == .connectionLost)
    }
}
