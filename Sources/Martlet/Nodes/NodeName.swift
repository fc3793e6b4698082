/// The name of a node, which is also what its own topics and procedures begin with: `arm.heartbeat`, `arm.stop`.
struct NodeName: Sendable, Hashable {
    let text: String

    /// As commlib-py makes names: `-` becomes `_`, and no name becomes 32 random hexadecimal digits.
    init(_ text: String) {
        if text.isEmpty {
            self.text = (0..<32).map { _ in String(Int.random(in: 0..<16), radix: 16) }.joined()
        } else {
            self.text = String(text.map { $0 == "-" ? "_" : $0 })
        }
    }

    var heartbeat: TopicName { TopicName("\(text).heartbeat") }
    var online: TopicName { TopicName("\(text).online") }
    var start: QueueName { QueueName("\(text).start") }
    var stop: QueueName { QueueName("\(text).stop") }
    var health: QueueName { QueueName("\(text).health") }

    func validate() throws {
        guard let problem = heartbeat.name.problem else { return }
        throw MessagingError(
            .invalidArgument,
            "a node can't be named \(quoted(text)), for its name begins its topics' names: of \(heartbeat), \(problem)"
        )
    }
}
