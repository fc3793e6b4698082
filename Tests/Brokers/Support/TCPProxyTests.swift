import IntegrationSupport
import Testing

/// Each test has its own proxy in front of its own listener.
@Suite(.timeLimit(.minutes(10)))
struct TCPProxyTests {
    @Test func itForwardsBothWaysAndCounts() async throws {
        try await withLink { proxy, client, server in
            try await client.sendAll([1, 2, 3])
            let received = try await server.receive(3)
            #expect(received == [1, 2, 3])
            try await server.sendAll([4, 5])
            let answer = try await client.receive(2)
            #expect(answer == [4, 5])
            #expect(proxy.counts.connections == 1)
            #expect(proxy.counts.openConnections == 1)
            #expect(proxy.counts.bytesToServer == 3)
            #expect(proxy.counts.bytesToClient == 2)
        }
    }

    @Test func moreThanItHoldsArrivesWhole() async throws {
        try await withLink { _, client, server in
            let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
            async let sending: Void = client.sendAll(bytes)
            let received = try await server.receive(bytes.count)
            try await sending
            #expect(received == bytes)
        }
    }

    @Test func anEndIsPassedOnAfterTheBytes() async throws {
        try await withLink { proxy, client, server in
            try await client.sendAll([1])
            client.endWriting()
            let received = try await server.receive(1)
            let end = try await server.receiveEnd()
            #expect(received == [1])
            #expect(end)
            // The other direction is still open.
            try await server.sendAll([2])
            let answer = try await client.receive(1)
            #expect(answer == [2])
            server.endWriting()
            let otherEnd = try await client.receiveEnd()
            #expect(otherEnd)
            try await until { proxy.counts.openConnections == 0 }
        }
    }

    @Test(arguments: [ProxyCut.reset, .close])
    func aCutEndsBothSides(how: ProxyCut) async throws {
        try await withLink { proxy, client, server in
            try await client.sendAll([1])
            _ = try await server.receive(1)
            try await proxy.cut(how)
            let ends = try await (client.receiveEnd(), server.receiveEnd())
            #expect(ends == (how == .close, how == .close))
            #expect(proxy.counts.openConnections == 0)
        }
    }

    @Test func whatItSwallowsIsGoneAndNobodyLearnsOfIt() async throws {
        try await withLink { proxy, client, server in
            proxy.set(.swallow)
            try await client.sendAll([1, 2])
            try await server.sendAll([3])
            try await until { proxy.counts.bytesSwallowed == 3 }
            client.endWriting()
            proxy.set(.forward, .toClient)
            try await server.sendAll([4])
            let answer = try await client.receive(1)
            #expect(answer == [4])
            // The client's end has been read long since, and is not passed on before this.
            guard case .notNow = server.read() else {
                Issue.record("The server has heard something")
                return
            }
            proxy.set(.forward)
            let end = try await server.receiveEnd()
            #expect(end)
            #expect(proxy.counts.bytesToServer == 0)
        }
    }

    @Test func aStalledWriterHasToWaitAndLosesNothing() async throws {
        try await withLink { proxy, client, server in
            proxy.set(.stall, .toServer)
            var sent = 0
            let block = [UInt8](repeating: 7, count: 65_536)
            // Until the kernel's buffers are full.
            while case .done(let count) = client.write(block) { sent += count }
            #expect(proxy.counts.bytesToServer == 0)
            try await server.sendAll([1])
            let answer = try await client.receive(1)
            #expect(answer == [1])
            proxy.set(.forward)
            let received = try await server.receive(sent)
            #expect(received.allSatisfy { $0 == 7 })
        }
    }

    @Test func delayedBytesComeLater() async throws {
        try await withLink { proxy, client, server in
            proxy.set(.delay(.milliseconds(100)), .toServer)
            let start = ContinuousClock.now
            try await client.sendAll([1])
            let received = try await server.receive(1)
            #expect(received == [1])
            #expect(ContinuousClock.now - start >= .milliseconds(100))
        }
    }

    @Test func aCutInOrderIsOneDespiteUnreadBytes() async throws {
        try await withLink { proxy, client, server in
            proxy.set(.stall)
            try await client.sendAll([1])
            try await server.sendAll([2])
            try await proxy.cut(.close)
            let ends = try await (client.receiveEnd(), server.receiveEnd())
            #expect(ends == (true, true))
        }
    }

    @Test func itCutsAfterExactlySoManyBytes() async throws {
        try await withLink { proxy, client, server in
            proxy.cut(.close, after: 5, .toServer)
            try await client.sendAll([1, 2, 3])
            let first = try await server.receive(3)
            #expect(first == [1, 2, 3])
            try await client.sendAll([4, 5, 6, 7])
            let second = try await server.receive(2)
            #expect(second == [4, 5])
            let ends = try await (client.receiveEnd(), server.receiveEnd())
            #expect(ends.1)
            #expect(proxy.counts.bytesToServer == 5)
        }
    }

    @Test func whatItRefusesItAcceptsLater() async throws {
        try await withLink { proxy, client, server in
            try await proxy.refuseConnections()
            let refused = try Socket.connecting(to: .loopback(port: proxy.port))
            let end = try await refused.receiveEnd()
            #expect(!end)
            // The open connection stays.
            try await client.sendAll([1])
            let received = try await server.receive(1)
            #expect(received == [1])
            try await proxy.acceptConnections()
            _ = try Socket.connecting(to: .loopback(port: proxy.port))
            try await until { proxy.counts.connections == 2 }
        }
    }

    @Test func withoutAServerConnectionsAreReset() async throws {
        let nobody = try ReservedPort()
        try await TCPProxy.withProxy(to: nobody.number) { proxy in
            let client = try Socket.connecting(to: .loopback(port: proxy.port))
            let end = try await client.receiveEnd()
            #expect(!end)
        }
    }

    @Test func nothingIsLeftOfItAfterwards() async throws {
        let port = try await withLink { proxy, client, server in
            let port = proxy.port
            try await client.sendAll([1])
            _ = try await server.receive(1)
            return (port, client, server)
        }
        let ends = try await (port.1.receiveEnd(), port.2.receiveEnd())
        #expect(ends == (false, false))
        let client = try Socket.connecting(to: .loopback(port: port.0))
        let end = try await client.receiveEnd()
        #expect(!end)
    }

    @Test func aSilentServerIsConnectedAndSilent() async throws {
        try await SilentServer.withServer { server in
            let client = try Socket.connecting(to: .loopback(port: server.port))
            try await until { server.connections == 1 }
            try await client.sendAll([1, 2, 3])
            guard case .notNow = client.read() else {
                Issue.record("It has said something")
                return
            }
        }
    }

    /// Runs `body` with a proxy, a client that is connected to it and the other end of that connection.
    private func withLink<Result>(
        _ body: (TCPProxy, Socket, Socket) async throws -> Result
    ) async throws -> Result {
        let listener = try Socket.listening()
        return try await TCPProxy.withProxy(to: listener.localPort) { proxy in
            let client = try Socket.connecting(to: .loopback(port: proxy.port))
            var server: Socket?
            try await until {
                server = listener.accept()
                return server != nil
            }
            return try await body(proxy, client, #require(server))
        }
    }
}
