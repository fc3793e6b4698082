import IntegrationSupport
import Martlet
import MartletAMQP
import MartletTesting
import Testing

/// Consumers that share a quorum queue of a cluster, of which a node fails.
@Suite(.timeLimit(.minutes(10))) struct ClusterTests {
    @Test func nothingConfirmedIsLostWithANode() async throws {
        try await RabbitMQCluster.withCluster { cluster in
            var options = AMQPOptions(servers: cluster.nodes.map { .init(host: "127.0.0.1", port: $0.port) })
            options.reconnect = Backoff(initial: .milliseconds(50), maximum: .milliseconds(500))
            let sender = try await AMQPConnection.connect(options)
            options.servers.append(options.servers.removeFirst())
            let consumers = [
                try await AMQPConnection.connect(options), try await AMQPConnection.connect(options),
            ]
            let queue = QueueName("shared")
            let confirmed = Recorder<String>()
            let seen = Recorder<String>()
            let over = Recorder<Void>()
            let subscriptions = [
                try await consumers[0].consume(from: queue), try await consumers[1].consume(from: queue),
            ]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<4 {
                    group.addTask {
                        var number = 0
                        while over.values.isEmpty {
                            try await sender.send(Message("\(task).\(number)"), to: queue)
                            confirmed.record("\(task).\(number)")
                            number += 1
                        }
                    }
                }
                for subscription in subscriptions {
                    group.addTask {
                        for try await delivery in subscription {
                            seen.record(delivery.message.text ?? "")
                            // Fails if the link was lost meanwhile: then it comes again.
                            try? delivery.ack()
                        }
                    }
                }
                try await confirmed.wait(for: 500)
                // The consumers' node.
                cluster.nodes[1].kill()
                let before = confirmed.values.count
                try await confirmed.wait(for: before + 500)
                over.signal()
                try await seen.wait { Set(confirmed.values).isSubset(of: $0) }
                group.cancelAll()
                while let result = await group.nextResult() {
                    if case .failure(let error) = result, !(error is CancellationError) { throw error }
                }
            }
            for connection in [sender] + consumers { await connection.close() }
        }
    }
}
