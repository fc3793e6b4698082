import ArgumentParser
import Martlet
import MartletConsole
import MartletServer

/// `martlet broker scram`
struct BrokerScramCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "scram",
        abstract: "Set a user's password for a broker's SCRAM-SHA-256.",
        usage: "martlet broker scram [--iterations <count>] <file> <user>",
        discussion: """
            The file is that of 'martlet broker --scram'; it is made if there is none, for its owner's eyes alone. What is there of \
            the user is exchanged. The password is asked for twice on a terminal; elsewhere it is the first line of standard input. \
            The file has what shows that somebody knows it, and not the password.

            A user and a password are of printable ASCII and the letters from U+00C0 to U+00FF, such as ü. A broker that runs takes \
            notice of the file on SIGHUP.

            EXAMPLES:
              martlet broker scram keys alice
              pass show broker/alice | martlet broker scram keys alice
            """
    )

    @Argument(help: "The file of users.", completion: .file())
    var file: String
    @Argument(help: "The user.")
    var user: String
    @Option(
        help: ArgumentHelp(
            "How dear it is to guess the password, and for a client to log in, 4096 at least.",
            valueName: "count"
        )
    )
    var iterations = SCRAMFile.defaultIterations
    @OptionGroup(visibility: .hidden) var connection: ConnectionArguments

    func perform(in session: Session) async throws {
        let passwords = try await session.streams.readSecrets(["Password of \(user.printable()): ", "Once more: "])
        guard Set(passwords).count == 1 else {
            throw Failure(.usage, "the two passwords are not the same; nothing was changed")
        }
        do {
            try SCRAMFile.setPassword(passwords[0], of: user, in: file, iterations: iterations)
        } catch let error as MessagingError {
            throw Failure(.usage, error.message)
        }
        session.remark("\(file.printable()) has the password of \(user.printable())")
    }
}
