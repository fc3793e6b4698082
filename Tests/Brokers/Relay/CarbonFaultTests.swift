import BridgeSupport
import Foundation
import IntegrationSupport
import Martlet
import MartletMQTT
import MartletRelay
import MartletTesting
import Testing

/// Numbered lines from brokers of each kind to a real Carbon that is killed, stopped and restarted again and again.
///
/// `MARTLET_RELAY_LINES` says how many lines there are; without it there are few.
@Suite(.serialized, .timeLimit(.minutes(30))) struct CarbonFaultTests {
    private static let count = ProcessInfo.processInfo.environment["MARTLET_RELAY_LINES"].flatMap { Int($0) } ?? 600

    private func line(_ number: Int) -> String { "relay.line \(number) \(1_700_000_000 + number)" }

    /// The bridge's connection to a broker, and that of the publisher.
    private func connections(_ kind: BrokerKind) async throws -> (any Connection, any Connection) {
        guard kind == .mqtt else { return (try await kind.connect(), try await kind.connect()) }
        let servers = [MQTTOptions.Server(host: "127.0.0.1", port: try await kind.port)]
        let name = ConnectionOptions(name: "carbon-faults")
        let source = try await MQTTConnection.connect(
            MQTTOptions(servers: servers, connection: name, session: .persistent())
        )
        return (source, try await kind.connect())
    }

    @Test(arguments: [BrokerKind.mqtt, .amqp, .redis]) func noLineIsLost(_ kind: BrokerKind) async throws {
        let count = Self.count
        let name = "carbon.faults.\(String(UInt32.random(in: .min ... .max), radix: 36))"
        try await CarbonServer.withServer { server in
            let (source, sender) = try await connections(kind)
            let carbon = SinkConnection(
                CarbonSink(host: "127.0.0.1", port: server.port, options: CarbonOptions(timeout: .seconds(2))),
                options: SinkOptions(
                    maximumItems: 50,
                    interval: .milliseconds(20),
                    retry: Backoff(initial: .milliseconds(10), maximum: .milliseconds(200))
                )
            )
            let options = RouteOptions(guarantee: .atLeastOnce, retain: .none)
            let bridge = Bridge(from: source, to: carbon, name: "faults") {
                switch kind {
                case .mqtt: Forward(TopicPattern(name), options: options)
                default: Forward(queue: QueueName(name), as: "lines", options: options)
                }
            }
            try await bridge.whileRunning {
                try await withThrowingTaskGroup(of: Bool.self) { group in
                    group.addTask {
                        for number in 0..<count {
                            let message = Message(line(number))
                            if kind == .mqtt {
                                let sure = PublishOptions(guarantee: .atLeastOnce)
                                try await sender.publish(message, to: TopicName(name), options: sure)
                            } else {
                                try await sender.send(message, to: QueueName(name))
                            }
                        }
                        try await until { bridge.reports.first?.statistics.forwarded ?? 0 >= count }
                        return true
                    }
                    group.addTask {
                        while true {
                            // Killed in the midst of its work, with and without what its system has taken for it.
                            server.pause()
                            try await Task.sleep(for: .milliseconds(300))
                            server.resume()
                            try await Task.sleep(for: .milliseconds(300))
                            server.pause()
                            try await Task.sleep(for: .milliseconds(100))
                            try await server.restart()
                            try await Task.sleep(for: .milliseconds(300))
                        }
                    }
                    while try await group.next() == false {}
                    group.cancelAll()
                }
            }
            let received = server.received
            // A line is confirmed once it is read; whoever is killed then has not always got to it.
            let missing = Set((0..<count).map(line)).subtracting(received).subtracting(server.read)
            #expect(missing.isEmpty, "\(missing.count) lines are missing")
            print("\(kind): \(count) lines, \(received.count - Set(received).count) came more than once")
            try? await sender.deleteQueue(QueueName(name))
            for connection in [source, sender, carbon] as [any Connection] { await connection.close() }
        }
    }
}
