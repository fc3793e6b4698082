import Martlet

/// Why the command could not do what it was asked to do, with what to do about it.
struct Failure: Error {
    let exit: CommandExit
    /// What happened, in one line or more.
    let message: String
    /// What whoever started it can do about it.
    let advice: String?

    init(_ exit: CommandExit, _ message: String, advice: String? = nil) {
        self.exit = exit
        self.message = message
        self.advice = advice
    }
}

extension Failure {
    /// - Parameter name: what was published to, called or consumed.
    init(_ error: MessagingError, about name: String) {
        let advice: String? =
            switch error.code {
            case .noResponder: "Nobody serves \(name) on this broker now: start who does, or check the name."
            case .timeout: "Give it more time with --timeout, or see whether the other side works."
            case .notConnected, .connectionLost, .connectionClosed: "See whether the broker runs."
            case .refused: Self.adviceOnRights
            case .goalRejected: "Try again when the server is done with its goal."
            default: nil
            }
        let exit: CommandExit =
            switch error.code {
            case .invalidTopic, .invalidFilter, .invalidQueue, .invalidArgument, .unsupported: .usage
            case .notConnected, .connectionLost, .connectionClosed: .unavailable
            default: .failure
            }
        self.init(exit, "\(error)", advice: advice)
    }

    static var adviceOnRights: String {
        "The broker, or a rule of it, does not allow this: see the rights of the user."
    }

    /// The text for standard error.
    func text(style: TextStyle) -> String {
        let text = style.failure("martlet: ") + message.printableLines
        return text + (advice.map { "\n" + style.faint("  " + $0.printableLines) } ?? "") + "\n"
    }
}
