import Logging
import Martlet
import MartletSettings

/// What a service runs with: all that its settings say, and its command line.
struct ServicePlan<Settings: Sendable>: Sendable {
    let name: String
    let base: TopicName
    /// The broker's URL, which may hold a password.
    let broker: Secret
    let isEnabled: Bool
    let settings: Settings
    let logger: Logger
    let stateFile: StateLocation
    var decimals = 4
    /// Where its log is meant to be published; `nil`: nowhere.
    var logTopic: TopicName?
    var discoveryPrefix: TopicName = "homeassistant"
    /// Where Home Assistant says that it has started, and what; `nil`: as it does unless told otherwise.
    var birthTopic: TopicName?
    var birthPayload: String?
    /// What comes before all topics that it publishes on.
    var debugPrefix: TopicName?

    /// Only there brokers keep messages for later subscribers, and let one client of a name in.
    var isOnMQTT: Bool { broker.value.hasPrefix("mqtt") }

    private var online: OnlineAnnouncement? {
        // As often as miqro.
        isOnMQTT ? .every(.seconds(180), on: scope(online: nil).published(base.appending("online"))) : nil
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

    /// For a connection beside the service's own, whose name it must not take.
    func visit(mustConnect: Bool) -> ConnectionOptions {
        ConnectionOptions(whileOffline: .drop, whenUnreachable: mustConnect ? .fail : .retry, logger: logger)
    }

    var node: NodeOptions {
        NodeOptions(heartbeat: nil, online: online, base: base, log: log)
    }

    /// Where it publishes what is logged by itself and its node; `nil`: nowhere.
    var log: LogOptions? { logTopic.map { .from(logger.logLevel, on: scope.published($0)) } }

    var scope: ServiceScope { scope(online: online?.topic) }

    private func scope(online: TopicName?) -> ServiceScope {
        ServiceScope(
            name: name,
            base: base,
            online: online,
            discoveryPrefix: discoveryPrefix,
            birthTopic: birthTopic,
            birthPayload: birthPayload,
            debugPrefix: debugPrefix,
            announcements: stateFile.announcements,
            logger: logger
        )
    }

    func context<Link: Connection>(
        on link: Link,
        stateFile other: StateLocation? = nil,
        log: RemoteLog? = nil
    ) -> ServiceContext<Link, Settings> {
        ServiceContext(
            name: name,
            base: base,
            connection: link,
            settings: settings,
            logger: log.map { logger.publishing(by: $0, from: logger.logLevel) } ?? logger,
            stateFile: other ?? stateFile,
            decimals: decimals,
            debugPrefix: debugPrefix
        )
    }
}
