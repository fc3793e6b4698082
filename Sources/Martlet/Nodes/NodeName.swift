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

    private var name: QueueName { QueueName(text) }
    var heartbeat: TopicName { TopicName(name).appending("heartbeat") }
    var online: TopicName { TopicName(name).appending("online") }
    var start: QueueName { name.appending("start") }
    var stop: QueueName { name.appending("stop") }
    var health: QueueName { name.appending("health") }

    /// Throws ``MessagingError/Code/invalidArgument`` if what is made of it are no names that a broker carries.
    func validate(on names: WireNames) throws {
        do {
            try names.check(name, ending: "health.\(QueueName.cancellationSegment)")
        } catch {
            throw MessagingError(
                .invalidArgument,
                "a node can't be named \(quoted(text)), for its name begins the names of its topics: \(error.message)"
            )
        }
    }
}
