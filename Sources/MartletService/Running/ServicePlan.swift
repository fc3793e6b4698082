import Logging
import Martlet
import MartletSettings

/// What a service runs with: all that its settings say.
struct ServicePlan<Settings: Sendable>: Sendable {
    let name: String
    let base: TopicName
    /// The broker's URL, which may hold a password.
    let broker: Secret
    let isEnabled: Bool
    let settings: Settings
    let logger: Logger

    /// Only MQTT keeps messages for later subscribers.
    private var saysOnline: Bool { broker.value.hasPrefix("mqtt") }

    private var online: OnlineAnnouncement? {
        // As often as miqro.
        saysOnline ? .every(.seconds(180)) : nil
    }

    var connection: ConnectionOptions {
        ConnectionOptions(
            name: name,
            will: online.map { Node.will(for: TopicName(segments: [name]), announcement: $0, base: base) },
            whileOffline: .drop,
            whenUnreachable: .retry,
            logger: logger
        )
    }

    var node: NodeOptions { NodeOptions(heartbeat: nil, online: online, base: base) }
}
