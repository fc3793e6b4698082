import Martlet

/// Commands on their way to the server, in the order in which they are answered.
struct CommandEntry: Sendable {
    enum Kind: Sendable {
        /// Publishes to one topic, one after the other, whose answers nobody waits for.
        case publishes(TopicName)
        /// Publishes, one after the other, whose answers somebody waits for, or is told. Those are kept beside it.
        case awaited
        /// Anything else, which has its bytes with it.
        indirect case request(Request)
    }

    let kind: Kind
    /// How many commands they are.
    var count = 1
    /// How many bytes they have among those that are kept together.
    var bytes = 0

    init(_ kind: Kind, bytes: Int = 0) {
        self.kind = kind
        self.bytes = bytes
        if case .request(let request) = kind { count = request.count }
    }

    /// How many bytes it has on the wire.
    var size: Int {
        if case .request(let request) = kind { request.bytes.count } else { bytes }
    }

    /// Whether nobody waits for it any more, so that it need not be sent.
    var isAbandoned: Bool {
        switch kind {
        case .publishes, .awaited: false
        case .request(let request): request.isAbandoned
        }
    }

    /// Whether it is kept and sent again after a lost link.
    var isGuaranteed: Bool {
        if case .request(let request) = kind { request.isGuaranteed } else { false }
    }
}

/// Commands that will not be sent, or not be answered.
struct UnansweredCommands: Sendable {
    var commands: [CommandEntry] = []
    /// Those of the publishes among them that are awaited.
    var answers: [PublishAnswer] = []

    mutating func append(_ others: UnansweredCommands) {
        commands += others.commands
        answers += others.answers
    }
}
