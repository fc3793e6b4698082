import Martlet
import Testing

@Test func smoke() async throws {
    let broker = MemoryBroker()
    let connection = try await broker.connect(name: "a")
    let subscription = try await connection.subscribe(to: "a.*")
    try await connection.publish(Message("x"), to: "a.b")
    let d = try await subscription.next()
    #expect(d?.message.text == "x")
    let rpc = RPC<[Int], Int>("sum")
    try await withThrowingTaskGroup { group in
        group.addTask { try await connection.respond(to: rpc) { $0.reduce(0, +) } }
        while broker.presence.queues.isEmpty { await Task.yield() }
        let sum = try await connection.call(rpc, [1, 2, 3])
        #expect(sum == 6)
        group.cancelAll()
        try? await group.waitForAll()
    }
    await connection.close()
}
