import Martlet
import Testing

@Suite(.timeLimit(.minutes(10))) struct SteppedBrokerTests {
    @Test func nothingIsDeliveredUntilTold() async throws {
        let broker = MemoryBroker(options: .init(mode: .stepped))
        let connection = try await broker.connect(name: "a")
        let subscription = try await connection.subscribe(to: "a.*")
        try await connection.publish(Message("1"), to: "a.x")
        try await connection.publish(Message("2"), to: "a.y")
        #expect(subscription.nextIfReady() == nil)
        #expect(broker.pending.map { $0.dispatch.message.text } == ["1", "2"])
        #expect(broker.step(1)?.dispatch.destination == .topic("a.y", retain: false))
        #expect(try await subscription.next()?.message.text == "2")
        #expect(broker.step(7) == nil)
        broker.step()
        #expect(subscription.nextIfReady()?.message.text == "1")
        #expect(broker.step() == nil)
    }

    /// The test decides whether the reply or the cut comes first.
    @Test func everyInterleavingCanBeHad() async throws {
        for cutFirst in [true, false] {
            let broker = MemoryBroker(options: .init(mode: .stepped))
            let caller = try await broker.connect(name: "caller")
            let server = try await broker.connect(name: "server")
            let result = try await withBackground {
                try await server.respond(to: "echo") { $0 }
            } _: {
                await broker.waitForConsumers(of: "echo")
                async let reply = caller.call("echo", Message("x"))
                await until { broker.pending.count == 1 }
                broker.step()
                await until { broker.pending.count == 1 }
                #expect(broker.pending[0].client != broker.presence.clients[1].client.id)
                if cutFirst { caller.cut() }
                broker.step()
                return try? await reply.text
            }
            #expect(result == (cutFirst ? nil : "x"))
        }
    }

    @Test func whatWaitedForALostLinkIsLost() async throws {
        let broker = MemoryBroker(options: .init(mode: .stepped))
        let a = try await broker.connect(name: "a")
        let b = try await broker.connect(name: "b")
        let subscription = try await b.subscribe(to: "a")
        let jobs = try await b.consume(from: "jobs")
        try await a.publish(Message("1"), to: "a")
        try await a.send(Message("2"), to: "jobs")
        #expect(broker.pending.count == 2)
        b.cut()
        #expect(broker.pending.isEmpty)
        #expect(broker.queue("jobs")?.waiting == 1)
        b.restore()
        broker.stepAll()
        #expect(subscription.nextIfReady() == nil)
        #expect(try await jobs.next()?.redeliveries == 1)
    }
}
