import MartletTesting
import Testing

@testable import Martlet
@testable import MartletTransport

@Suite(.timeLimit(.minutes(10))) struct ResolverTests {
    /// A resolver that knows the given names. Before it fails to find another one it waits for `slow`.
    private func resolver(
        threads: Int = 4,
        slow: Pipe? = nil,
        _ names: [String: String] = [:]
    ) -> Resolver {
        Resolver(threads: threads) { name, port in
            if let address = names[name] { return AddressLookup.addresses(of: address, port: port, numeric: true) }
            slow?.waitForByte()
            return AddressLookup.addresses(of: "no number", port: port, numeric: true)
        }
    }

    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1:1883"), ("::1", "[::1]:1883"), ("[::1]", "[::1]:1883"),
        ("[2001:DB8:0::7]", "[2001:db8::7]:1883"),
    ])
    func numbersCostNoThread(host: String, description: String) async throws {
        let resolver = resolver(threads: 0)
        let addresses = try await resolver.addresses(of: host, port: 1_883)
        #expect(addresses.map(\.description) == [description])
        #expect(addresses.map(\.port) == [1_883])
    }

    @Test func theSystemKnowsThisMachine() async throws {
        let limit = WaitLimit(.seconds(50), of: Timers(Timeline()))
        let addresses = try await Resolver.addresses(of: "localhost", port: 80, limit: limit)
        #expect(addresses.contains { $0.host == "127.0.0.1" || $0.host == "::1" })
    }

    @Test(arguments: ["", "[]", "[1.2.3.4.5]", "local\0host", "[example.org]"])
    func whatIsNoHostIsRefused(host: String) async {
        let code = await errorCode { _ = try await self.resolver(threads: 0).addresses(of: host, port: 1) }
        #expect(code == .invalidArgument)
    }

    @Test(arguments: [Int.min, -1, 0, 65_536, Int.max])
    func whatIsNoPortIsRefused(port: Int) async {
        let code = await errorCode { _ = try await self.resolver(threads: 0).addresses(of: "::1", port: port) }
        #expect(code == .invalidArgument)
    }

    @Test func anUnknownHostIsNamedInTheError() async {
        let error = await #expect(throws: MessagingError.self) {
            try await resolver().addresses(of: "no\nsuch.host", port: 1)
        }
        #expect(error?.code == .notConnected)
        #expect(error?.isRetriable == true)
        #expect(error?.message.contains(#""no\nsuch.host" could not be resolved: "#) == true)
    }

    /// Many look-ups share the few threads, which end afterwards.
    @Test func threadsAreBounded() async throws {
        let most = Shared(0)
        let resolver = Shared<Resolver?>(nil)
        let new = Resolver(threads: 3) { name, port in
            most.withLock { $0 = max($0, resolver.withLock { $0 }?.threads ?? 0) }
            return AddressLookup.addresses(of: "10.0.0." + name.dropFirst(4), port: port, numeric: true)
        }
        resolver.withLock { $0 = new }
        let hosts = try await withThrowingTaskGroup(of: [SocketAddress].self) { group in
            for number in 1...200 { group.addTask { try await new.addresses(of: "host\(number)", port: 1) } }
            return try await group.reduce(into: Set<String>()) { $0.formUnion($1.map(\.host)) }
        }
        #expect(hosts.count == 200)
        #expect((1...3).contains(most.withLock { $0 }))
        await until { new.threads == 0 }
        #expect(new.pending == 0)
        resolver.withLock { $0 = nil }
    }

    /// Whoever is cancelled goes at once, whether the system is busy with his look-up or has not begun.
    @Test func cancellationDoesNotWaitForTheSystem() async throws {
        let gate = Pipe()
        let resolver = resolver(threads: 1, slow: gate, ["fast": "10.0.0.1"])
        let busy = Task { try await resolver.addresses(of: "slow", port: 1) }
        await until { resolver.pending == 1 && resolver.threads == 1 }
        let waiting = Task { try await resolver.addresses(of: "slow too", port: 1) }
        await until { resolver.pending == 2 }
        let fast = Task { try await resolver.addresses(of: "fast", port: 1) }
        await until { resolver.pending == 3 }
        for task in [waiting, busy] {
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        #expect(resolver.pending == 1)
        gate.write()
        #expect(try await fast.value.map(\.description) == ["10.0.0.1:1"])
        await until { resolver.threads == 0 }
    }

    @Test func aTaskThatIsCancelledDoesNotAsk() async {
        let resolver = resolver(threads: 0)
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await resolver.addresses(of: "name", port: 1)
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(resolver.pending == 0)
    }

    /// The time limit is the connection's, and so is the clock by which it is kept.
    @Test func theLimitIsKeptByTheConnectionsClock() async throws {
        let gate = Pipe()
        let clock = TestClock()
        let timers = Timers(Timeline(clock))
        let resolver = resolver(threads: 1, slow: gate)
        async let code = errorCode {
            _ = try await resolver.addresses(of: "slow", port: 1, limit: WaitLimit(.seconds(5), of: timers))
        }
        await until { resolver.pending == 1 && clock.sleepers == 1 }
        clock.advance(by: .milliseconds(4_999))
        #expect(resolver.pending == 1)
        clock.advance(by: .milliseconds(1))
        #expect(await code == .timeout)
        await timers.stop()
        #expect(resolver.pending == 0)
        gate.write()
        await until { resolver.threads == 0 }
    }
}
