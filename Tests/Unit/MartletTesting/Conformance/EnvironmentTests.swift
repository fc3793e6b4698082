import Martlet
import MartletTesting
import Testing

/// What a check may count on.
@Suite(.timeLimit(.minutes(10))) struct EnvironmentTests {
    /// Also if there is another one of its name already, which would answer for it.
    @Test func aResponderIsFoundByTheTimeTheBodyBegins() async throws {
        for _ in 0..<100 {
            let broker = MemoryBroker()
            let environment = ConformanceEnvironment(check: "check") { try await broker.connect(options: $0) }
            let name = environment.queue("calls")
            let (first, second) = (try await environment.connect(), try await environment.connect())
            let consumers = try await environment.responding(on: first, to: name, handler: { $0 }) {
                try await environment.responding(on: second, to: name, handler: { $0 }) {
                    broker.presence.queues.first { $0.name == name }?.consumers
                }
            }
            #expect(consumers == 2)
            await environment.close()
        }
    }

    @Test func aResponderThatCannotBeginEndsTheCheck() async throws {
        let broker = MemoryBroker()
        let environment = ConformanceEnvironment(check: "check") { try await broker.connect(options: $0) }
        let connection = try await environment.connect()
        await connection.close()
        await #expect(throws: ConformanceFailure.self) {
            try await environment.responding(on: connection, to: "calls", handler: { $0 }) {}
        }
        await environment.close()
    }
}
