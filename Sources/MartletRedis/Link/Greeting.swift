import Martlet

/// What is said first on each link, and how the answers are understood. A pure value.
struct Greeting {
    private enum Step {
        case authenticate, select, name, number
    }

    /// What is sent.
    private(set) var bytes: [UInt8] = []
    private var steps: [Step] = []
    private var answered = 0
    private let database: Int
    /// What the server calls the link; `nil` if it does not tell.
    private(set) var clientID: Int?

    init(_ options: RedisOptions, name: String) {
        database = options.database
        if let password = options.password {
            let user = options.username.map { [$0] } ?? []
            add(.authenticate, ["AUTH"] + user + [password])
        }
        if options.database != 0 { add(.select, ["SELECT", "\(options.database)"]) }
        add(.name, ["CLIENT", "SETNAME", name])
        add(.number, ["CLIENT", "ID"])
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
        if case .number = steps[answered] { clientID = reply.integer }
        answered += 1
        return answered == steps.count
    }

    private func check(_ error: RedisError, at step: Step) throws {
        // Said instead of any answer, before the server closes the link.
        if error.message.hasPrefix("ERR max number of clients") {
            throw MessagingError(.refused, "the server has too many clients", cause: error, isRetriable: true)
        }
        switch (step, error.prefix) {
        case (_, "NOAUTH"):
            throw MessagingError(.refused, "the server wants a password: \(error)", cause: error)
        case (_, "DENIED"), (_, "LOADING"), (_, "MASTERDOWN"):
            throw error.asMessagingError("the link")
        case (.authenticate, _):
            throw MessagingError(
                .refused,
                "the server does not accept the user or the password: \(error)",
                cause: error
            )
        case (.select, _):
            throw MessagingError(.refused, "the server has no database \(database) for us: \(error)", cause: error)
        case (.name, _), (.number, _):
            // A user may not be allowed to; then there is no name, and less can be tidied up at once.
            break
        }
    }
}
