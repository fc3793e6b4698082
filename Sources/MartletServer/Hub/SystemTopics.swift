import Martlet
import Synchronization

/// How the server stands, as retained messages below `$SYS/broker/`: those that mosquitto publishes, by its names, and counted as
/// it counts (mosquitto(8)): its own topics are retained like others, and what is stored is what is retained and what waits.
struct SystemTopics {
    private let hub: SessionHub
    private let began: Duration
    /// What was published last; what has not changed is not published again.
    private var texts: [String: String] = [:]

    init(_ hub: SessionHub) {
        self.hub = hub
        began = hub.broker.now
    }

    /// Publishes them again and again, until it is cancelled.
    ///
    /// - Throws: `CancellationError`.
    mutating func publish(every interval: Duration, _ statistics: @Sendable () -> ServerStatistics) async throws {
        while true {
            publish(statistics())
            try await hub.broker.sleep(for: interval)
        }
    }

    private mutating func publish(_ statistics: ServerStatistics) {
        var changed: [(name: String, text: String)] = []
        for (name, text) in topics(statistics) where texts[name] != text {
            texts[name] = text
            changed.append((name, text))
        }
        hub.broker.enter { state in
            for (name, text) in changed {
                let topic = TopicName(mqtt: "$SYS/broker/\(name)")
                hub.broker.announce(BrokerPublication(Message(text), to: topic, retain: true), &state)
            }
        }
        hub.handOver()
    }

    private func topics(_ statistics: ServerStatistics) -> [(String, String)] {
        let kept = hub.broker.keptCount
        let counts = [
            ("clients/total", statistics.sessions),
            ("clients/connected", statistics.clients),
            ("clients/active", statistics.clients),
            ("clients/disconnected", statistics.sessions - statistics.clients),
            ("clients/inactive", statistics.sessions - statistics.clients),
            ("clients/maximum", statistics.mostClients),
            ("subscriptions/count", statistics.subscriptions),
            ("retained messages/count", kept),
            ("messages/stored", kept + statistics.queued),
            ("store/messages/count", kept + statistics.queued),
            ("publish/messages/received", statistics.received),
            ("publish/messages/sent", statistics.sent),
            ("publish/messages/dropped", statistics.dropped),
            ("bytes/received", statistics.bytesReceived),
            ("bytes/sent", statistics.bytesSent),
            ("martlet/messages/published", statistics.published),
            ("martlet/messages/expired", statistics.expired),
            ("martlet/requests/refused", hub.broker.statistics.refused),
            ("martlet/faults", statistics.faults),
        ]
        let uptime = (hub.broker.now - began).components.seconds
        return [("version", "martlet version \(MartletVersion.current)"), ("uptime", "\(uptime) seconds")]
            + counts.map { ($0, "\($1)") }
    }
}
