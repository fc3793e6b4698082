import Martlet

/// One route as a file or the command line says it. A pure value.
struct RouteSettings: Hashable, Sendable {
    /// What it connects.
    enum Kind: Hashable, Sendable {
        case topics(String, as: String, RouteDirection)
        case topicsToQueue(String, String)
        case queues(String, String, RouteDirection)
        case queueToTopics(String, as: String)
        case calls(String, String, isBackwards: Bool)
        case action(String, String, isBackwards: Bool)
    }

    var kind: Kind
    /// How messages pass; means nothing to calls and actions.
    var options = RouteOptions()
    /// How calls and actions pass.
    var calls = CallRouteOptions()
    var filter = MessageFilter()
    /// Where the file says it.
    var place: SettingsError.Place?
    /// The keys that lead there.
    var path = ""

    /// The route itself.
    var route: any Route {
        switch kind {
        case .topics(let pattern, let template, let direction):
            Forward(
                TopicPattern(pattern),
                as: template,
                direction: direction,
                options: options,
                transform: transform
            )
        case .topicsToQueue(let pattern, let queue):
            Forward(TopicPattern(pattern), toQueue: QueueName(queue), options: options, transform: transform)
        case .queues(let queue, let other, let direction):
            Forward(
                queue: QueueName(queue),
                toQueue: QueueName(other),
                direction: direction,
                options: options,
                transform: transform
            )
        case .queueToTopics(let queue, let template):
            Forward(queue: QueueName(queue), as: template, options: options, transform: transform)
        case .calls(let name, let target, let isBackwards):
            ForwardCalls(QueueName(name), to: QueueName(target), isBackwards: isBackwards, options: calls)
        case .action(let name, let target, let isBackwards):
            ForwardActions(QueueName(name), to: QueueName(target), isBackwards: isBackwards, options: calls)
        }
    }

    /// What leaves messages out; `nil` if none are.
    private var transform: (@Sendable (Delivery) async throws -> Message?)? {
        if filter.isEmpty { return nil }
        return { [filter] delivery in filter.passes(delivery.message, from: delivery.topic) ? delivery.message : nil }
    }
}
