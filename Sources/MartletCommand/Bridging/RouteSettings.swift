import Martlet
import MartletRelay
import MartletSettings

/// One route as a file or the command line says it. A pure value.
struct RouteSettings: Hashable, Sendable {
    /// What it connects.
    enum Kind: Hashable, Sendable {
        case topics(TopicPattern, as: String, RouteDirection)
        case topicsToQueue(TopicPattern, QueueName)
        case queues(QueueName, QueueName, RouteDirection)
        case queueToTopics(QueueName, as: String)
        case calls(QueueName, QueueName, isBackwards: Bool)
        case action(QueueName, QueueName, isBackwards: Bool)

        /// Whether all that it does on the bridge's `to:` side is to publish.
        var onlyPublishes: Bool {
            switch self {
            case .topics(_, as: _, let direction): direction == .forth
            case .queueToTopics: true
            case .topicsToQueue, .queues, .calls, .action: false
            }
        }

        /// Whether all that it does on the bridge's `from:` side is to subscribe.
        var onlySubscribes: Bool {
            switch self {
            case .topics(_, as: _, let direction): direction == .forth
            case .topicsToQueue: true
            case .queueToTopics, .queues, .calls, .action: false
            }
        }
    }

    var kind: Kind
    /// How messages pass; means nothing to calls and actions.
    var options = RouteOptions()
    /// How calls and actions pass.
    var calls = CallRouteOptions()
    var filter = MessageFilter()
    /// What makes lines of Carbon's of them, if anything does.
    var metrics: MetricMapping?
    /// Where the file says it.
    var place: SettingsError.Place?
    /// The keys that lead there.
    var path = ""

    /// The route itself.
    var route: any Route {
        switch kind {
        case .topics(let pattern, let template, let direction):
            Forward(pattern, as: template, direction: direction, options: options, transform: transform)
        case .topicsToQueue(let pattern, let queue):
            Forward(pattern, toQueue: queue, options: options, transform: transform)
        case .queues(let queue, let other, let direction):
            Forward(queue: queue, toQueue: other, direction: direction, options: options, transform: transform)
        case .queueToTopics(let queue, let template):
            Forward(queue: queue, as: template, options: options, transform: transform)
        case .calls(let name, let target, let isBackwards):
            ForwardCalls(name, to: target, isBackwards: isBackwards, options: calls)
        case .action(let name, let target, let isBackwards):
            ForwardActions(name, to: target, isBackwards: isBackwards, options: calls)
        }
    }

    /// What leaves messages out or makes others of them; `nil` if they pass as they are.
    private var transform: (@Sendable (Delivery) async throws -> Message?)? {
        if filter.isEmpty, metrics == nil { return nil }
        return { [filter, metrics, pattern] delivery in
            guard filter.passes(delivery.message, from: delivery.topic) else { return nil }
            guard let metrics else { return delivery.message }
            return try metrics.message(for: delivery.message, on: delivery.topic, matching: pattern)
        }
    }

    /// The filter by which messages come; of a queue, its name.
    var pattern: TopicPattern {
        switch kind {
        case .topics(let pattern, as: _, _), .topicsToQueue(let pattern, _): pattern
        case .queues(let queue, _, _), .queueToTopics(let queue, as: _), .calls(let queue, _, _),
            .action(let queue, _, _):
            TopicPattern(queue.ownTopic)
        }
    }
}
