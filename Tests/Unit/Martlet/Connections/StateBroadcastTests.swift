import Martlet
import Testing

@Suite(.timeLimit(.minutes(10)))
struct StateBroadcastTests {
    @Test func whoWatchesAConnectionSeesItClose() async throws {
        let connection = try await MemoryBroker().connect(name: "a")
        let states = connection.states()
        connection.cut()
        connection.restore()
        await connection.close()
        var seen: [ConnectionState] = []
        for await state in states { seen.append(state) }
        #expect(seen == [.connected, .disconnected, .connected, .closed])
    }
}
