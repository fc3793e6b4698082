import ArgumentParser

/// One subcommand: its arguments, and what it does. To add one, write a type and name it in ``MartletCommand``.
protocol Subcommand: ParsableCommand, Sendable {
    var connection: ConnectionArguments { get }

    /// Whether it runs until it is told to end, so that an end by a signal is how it is meant to end.
    var isEndless: Bool { get }

    /// Whether it ends by itself when ``Session/interruption`` is raised. The others are cancelled then.
    var endsByItself: Bool { get }

    /// Does it. Cancelled, it throws.
    func perform(in session: Session) async throws
}

extension Subcommand {
    var isEndless: Bool { false }
    var endsByItself: Bool { false }
}
