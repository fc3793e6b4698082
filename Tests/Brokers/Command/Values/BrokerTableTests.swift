import IntegrationSupport
import Martlet
import MartletConsole
import MartletServer
import Testing

@testable import MartletCommand

@Suite("A broker's figures", .timeLimit(.minutes(5)))
struct BrokerTableTests {
    /// A broker with queues and connections.
    private static func figures(queues: Int, clients: Int) async throws -> (BrokerFigures, [MemoryConnection]) {
        let broker = MemoryBroker()
        var connections: [MemoryConnection] = []
        for number in 0..<clients { connections.append(try await broker.connect(name: "client \(number)")) }
        for number in 0..<queues { try broker.declareQueue(QueueName("queue\(number)"), options: QueueOptions()) }
        if queues > 0 { for _ in 0..<3 { try await connections.first?.send(Message("x"), to: "queue0") } }
        let figures = BrokerFigures(
            time: .now,
            server: BrokerServer(broker, listeners: []).statistics,
            broker: broker.statistics,
            presence: broker.presence,
            retained: 4
        )
        return (figures, connections)
    }

    private static func lines(_ figures: BrokerFigures, since before: BrokerFigures? = nil, _ size: (Int, Int))
        -> [String]
    {
        BrokerTable.lines(
            "mqtt",
            figures,
            since: before,
            size: TerminalSize(columns: size.1, rows: size.0),
            style: TextStyle(isUsed: false)
        )
    }

    @Test("are counts, queues and clients")
    func showsAll() async throws {
        let (figures, connections) = try await Self.figures(queues: 2, clients: 2)
        #expect(
            Self.lines(figures, (24, 80)) == [
                "mqtt", "clients 0  sessions 0  subscriptions 0  retained 4", "in 0/s  out 0/s  waiting 0",
                "queue    waiting   in hand consumers", "queue0         3         0         0",
                "queue1         0         0         0", "client      topics    queues",
                "client 0         0         0", "client 1         0         0",
            ]
        )
        for connection in connections { await connection.close() }
    }

    @Test("say what comes in a second, and what is wrong")
    func showsRates() async throws {
        let (before, _) = try await Self.figures(queues: 0, clients: 0)
        var server = before.server
        (server.received, server.sent, server.dropped, server.storeFailures) = (20, 3_000, 7, 1)
        let now = BrokerFigures(
            time: before.time + .seconds(2),
            server: server,
            broker: before.broker,
            presence: before.presence,
            retained: 0
        )
        #expect(
            Self.lines(now, since: before, (24, 80)).suffix(2) == [
                "in 10/s  out 1500/s  waiting 0", "dropped 7  store failures 1",
            ]
        )
    }

    @Test("fit, however small the terminal is", arguments: [(24, 80), (10, 30), (6, 20), (5, 10), (3, 3), (1, 1)])
    func fits(_ size: (Int, Int)) async throws {
        let (figures, connections) = try await Self.figures(queues: 30, clients: 30)
        let lines = Self.lines(figures, size)
        #expect(lines.count <= max(3, size.0 - 1), "\(lines)")
        #expect(lines.allSatisfy { $0.columns <= max(1, size.1 - 1) }, "\(lines)")
        if size.0 == 24 {
            #expect(lines.contains { $0.contains("queue0") } && lines.contains { $0.contains("client 0") })
            #expect(lines.count { $0.hasPrefix("… ") } == 2)
        }
        for connection in connections { await connection.close() }
    }
}
