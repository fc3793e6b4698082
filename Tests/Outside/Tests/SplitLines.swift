import Martlet

/// Passes a text of many lines on as one message a line.
struct SplitLines: Route {
    let pattern: TopicPattern
    var name: String { "lines of \(pattern)" }

    func plans(between ends: BridgeEnds, options: BridgeOptions) throws -> [RoutePlan] {
        try pattern.validate()
        return [
            RoutePlan(
                name: name,
                guarantee: RouteGuarantee(.atMostOnce, reasons: ["what is split is not acknowledged"]),
                reads: [.topics(pattern, on: .from)],
                writes: [.topics(pattern, on: .to)]
            )
        ]
    }

    func run(_ leg: Int, in context: RouteContext) async throws {
        let source = try await context.source.subscribe(to: pattern)
        try await context.read(source) { delivery in
            guard var message = context.admit(delivery) else { return }
            for line in (message.text ?? "").split(separator: "\n") {
                message.body = Array(line.utf8)
                try await context.sink.publish(message, to: delivery.topic)
            }
            context.count { $0.forwarded += 1 }
        }
    }
}
