/// Where a route takes messages from.
enum ForwardSource: Sendable, CustomStringConvertible {
    case topics(TopicPattern)
    case queue(QueueName)

    var description: String {
        switch self {
        case .topics(let pattern): pattern.text
        case .queue(let queue): "queue \(queue)"
        }
    }

    var kind: RouteGuarantee.Kind {
        if case .queue = self { .queue } else { .topic }
    }
}
