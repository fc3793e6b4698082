/// Where a route puts messages.
enum ForwardSink: Sendable, CustomStringConvertible {
    /// By a template's text.
    case topics(String)
    case queue(QueueName)

    var description: String {
        switch self {
        case .topics(let template): template
        case .queue(let queue): "queue \(queue)"
        }
    }

    var kind: RouteGuarantee.Kind {
        if case .queue = self { .queue } else { .topic }
    }
}
