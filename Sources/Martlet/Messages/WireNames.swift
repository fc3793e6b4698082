/// How a kind of broker writes names, and what it can't carry.
package struct WireNames: Sendable {
    private let form: NameForm
    /// What takes names only so long, and how long.
    private let bound: (broker: String, bytes: Int)?
    private let flaw: @Sendable (String) -> String?

    /// - Parameters:
    ///   - broker: what has the bound: `AMQP`.
    ///   - maximumBytes: of a name on the wire.
    ///   - flaw: what else is wrong with something on the wire that is not made of plain characters alone.
    package init(
        _ form: NameForm,
        broker: String,
        maximumBytes: Int,
        flaw: @escaping @Sendable (String) -> String? = { _ in nil }
    ) {
        self.form = form
        bound = (broker, maximumBytes)
        self.flaw = flaw
    }

    /// Whether a topic of another connection of this form is the same one here, also where a message names it.
    package var isMQTT: Bool { form.separator == NameForm.mqtt.separator }

    /// Those of a broker that writes names as text and carries whatever is valid.
    package static let any = WireNames()

    private init() {
        form = .text
        bound = nil
        flaw = { _ in nil }
    }

    /// A topic on the wire.
    ///
    /// - Throws: ``MessagingError/Code/invalidTopic``, with the reason, for what can't pass.
    package func topic(_ topic: TopicName) throws(MessagingError) -> String {
        try wire(topic.name, .invalidTopic, "the topic \(quoted(topic.text))")
    }

    /// A queue's name on the wire.
    ///
    /// - Throws: ``MessagingError/Code/invalidQueue``, with the reason, for what can't pass.
    package func queue(_ queue: QueueName) throws(MessagingError) -> String {
        try wire(queue.name, .invalidQueue, "the queue \(quoted(queue.text))")
    }

    private func wire(
        _ name: DottedName,
        _ code: MessagingError.Code,
        _ subject: @autoclosure () -> String
    ) throws(MessagingError) -> String {
        let wire = name.text(in: form)
        if let problem = problem(with: wire, isPlain: name.isPlain) {
            throw MessagingError(code, "\(subject()) can't be used here: \(problem)")
        }
        return wire
    }

    /// What is wrong with something on the wire; `nil` if it can pass.
    package func problem(with wire: String, isPlain: Bool = false) -> String? {
        if let bound, wire.utf8.count > bound.bytes {
            return "it has \(wire.utf8.count) bytes, and \(bound.broker) allows \(bound.bytes)"
        }
        return isPlain ? nil : flaw(wire)
    }

    /// Checks a name of which others are made, such as that of an RPC, by appending to it.
    ///
    /// - Parameter ending: what the longest of them ends with: plain segments.
    /// - Throws: ``MessagingError/Code/invalidQueue`` if it is not valid, or can't pass, or the longest one can't.
    func check(_ name: QueueName, ending: String) throws(MessagingError) {
        try name.validate()
        guard let bound else { return }
        let own = name.name.isPlain ? name.text.utf8.count : try queue(name).utf8.count
        let allowed = bound.bytes - ending.utf8.count - 1
        guard own > allowed else { return }
        throw MessagingError(
            .invalidQueue,
            "the name \(quoted(name.text)) has \(own) bytes, and at most \(allowed) are allowed: a name is made of it that "
                + "ends with '.\(ending)', and \(bound.broker) allows \(bound.bytes) bytes"
        )
    }
}
