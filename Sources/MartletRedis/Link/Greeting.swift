import Martlet

/// What is said first on each link, and how the answers are understood. A pure value.
struct Greeting {
    /// What the server tells about itself, as far as it does.
    struct Server: Sendable, Equatable {
        /// What it calls the link.
        var clientID: Int?
        /// Its version's first number.
        var version: Int?
        /// Whether nothing can be written there. What a node of a cluster keeps is known from its answers.
        var isReplica = false
        /// Whether it is a node of a cluster.
        var isCluster: Bool?
    }

    private enum Step {
        case authenticate, select, name, hello
    }

    /// What is sent.
    private(set) var bytes: [UInt8] = []
    private var steps: [Step] = []
    private var answered = 0
    private let database: Int
    private let needsMaster: Bool
    private(set) var server = Server()

    /// - Parameter needsMaster: whether a replica is of no use.
    init(_ options: RedisOptions, name: String, needsMaster: Bool) {
        database = options.database
        self.needsMaster = needsMaster
        if let password = options.password {
            let user = options.username.map { [$0] } ?? []
            add(.authenticate, ["AUTH"] + user + [password])
        }
        if options.database != 0 { add(.select, ["SELECT", "\(options.database)"]) }
        add(.name, ["CLIENT", "SETNAME", name])
        // Allowed to every user, which INFO, ROLE and CLIENT ID are not.
        add(.hello, ["HELLO"])
    }

    private mutating func add(_ step: Step, _ words: [String]) {
        CommandFormat.append(words.map { Array($0.utf8) }, to: &bytes)
        steps.append(step)
    }

    /// Takes the next answer.
    ///
    /// - Returns: whether it was the last one.
    /// - Throws: `MessagingError.Code.refused` where the link can't be used.
    mutating func received(_ reply: RedisValue) throws -> Bool {
        guard answered < steps.count else { return true }
        if let error = reply.error { try check(error, at: steps[answered]) }
        if case .hello = steps[answered] {
            server = Server(hello: reply)
            if needsMaster, server.isReplica {
                throw MessagingError(
                    .refused,
                    "the server is a replica, where nothing can be written",
                    isRetriable: true
                )
            }
        }
        answered += 1
        return answered == steps.count
    }

    private func check(_ error: RedisError, at step: Step) throws {
        // Said instead of any answer: the server closes the link, or can't be asked for anything yet.
        guard error.outlook == .final else { throw error.asMessagingError("the link") }
        switch (step, error.prefix) {
        case (_, "NOAUTH"):
            throw MessagingError(.refused, "the server wants a password: \(error)", cause: error)
        case (_, "DENIED"):
            throw error.asMessagingError("the link")
        case (.authenticate, _):
            throw MessagingError(
                .refused,
                "the server does not accept the user or the password: \(error)",
                cause: error
            )
        case (.select, _):
            throw MessagingError(.refused, "the server has no database \(database) for us: \(error)", cause: error)
        case (.name, _), (.hello, _):
            // A user may not be allowed to; then there is no name, and less can be tidied up at once.
            break
        }
    }
}

extension Greeting.Server {
    /// What `HELLO` answers: names and values, one after the other.
    init(hello reply: RedisValue) {
        let words = reply.array ?? []
        var isReplica = false
        for index in stride(from: 0, to: words.count - 1, by: 2) {
            let value = words[index + 1]
            switch words[index].string {
            case "id": clientID = value.integer
            case "version": version = (value.string?.prefix { $0 != "." }).flatMap { Int($0) }
            case "mode": isCluster = value.string == "cluster"
            // What takes writes has more than one name: KeyDB's that replicate each other are each an `active-replica`.
            case "role": isReplica = value.string == "replica" || value.string == "slave"
            default: break
            }
        }
        self.isReplica = isReplica && isCluster != true
    }
}
