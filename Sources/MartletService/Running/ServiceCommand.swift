import ArgumentParser
import Logging
import Martlet
import MartletSettings
import ServiceLifecycle
import UnixSignals

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The command line of a service, or of several.
struct ServiceCommand: ParsableCommand {
    static var configuration: CommandConfiguration { CommandConfiguration(commandName: OwnProgram.name) }

    /// What a program is told to do.
    enum Subcommand: String, ExpressibleByArgument, CaseIterable {
        case run
        case unit
        case install
        case uninstall
        case discovery
    }

    @Argument(
        help: """
            What to do: run the service; print, write or remove its unit for systemd; print what it announces to Home Assistant.
            """
    )
    var subcommand = Subcommand.run

    @Option(name: .shortAndLong, help: ArgumentHelp("The file of the settings.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("Which of the program's services is meant.", valueName: "name"))
    var start: String?

    @Flag(help: "Read the settings, say what would run, and touch nothing.")
    var check = false

    @Flag(name: .shortAndLong, help: "Log all that helps to find a fault.")
    var verbose = false

    @Option(
        name: [.customShort("d"), .long],
        help: ArgumentHelp("What comes before all topics that it publishes on.", valueName: "topic")
    )
    var debugPrefix: String?

    @Flag(help: "unit, install, uninstall: a unit of the user's own, rather than the machine's.")
    var user = false

    @Option(name: .customLong("as"), help: ArgumentHelp("unit, install: the user to run as.", valueName: "user"))
    var account: String?

    @Option(
        help: ArgumentHelp("unit, install: where the program will be, if not where it is now.", valueName: "path"),
        completion: .file()
    )
    var program: String?

    @Option(
        help: ArgumentHelp("install, uninstall: where the unit is, if not in the usual place.", valueName: "folder")
    )
    var directory: String?

    @Flag(help: "discovery: take back what is announced, and was.")
    var remove = false

    /// Does what the process' arguments say, and ends the process if that goes wrong.
    static func main(of services: [any ServiceProgram.Type]) async {
        let command = parseOrExit()
        do {
            try await command.perform(command.chosen(of: services), isOneOfSeveral: services.count > 1)
        } catch {
            exit(withError: error)
        }
    }

    /// The service that is meant.
    func chosen(of services: [any ServiceProgram.Type]) throws -> any ServiceProgram.Type {
        let names = services.map { $0.name }.joined(separator: ", ")
        guard let start else {
            if services.count == 1 { return services[0] }
            throw ServiceCommandError(message: "say which service is meant, by --start: \(names)")
        }
        guard let service = services.first(where: { $0.name == start }) else {
            throw ServiceCommandError(message: "there is no service '\(start)' here; there is \(names)")
        }
        return service
    }

    private func perform<Program: ServiceProgram>(_ program: Program.Type, isOneOfSeveral: Bool) async throws {
        switch subcommand {
        case .run where check:
            let settings = try ServiceSettings(config)
            print(try plan(for: program, settings).summary(of: settings.file?.name))
        case .run:
            let isInTerminal = isatty(STDIN_FILENO) == 1
            let host = ServiceHost<Program>(
                settings: { try plan(for: program, ServiceSettings(config)) },
                environment: .process,
                rereadsAtHangUp: !isInTerminal
            )
            try await host.runUntilSignal(isInTerminal ? [.sigterm, .sigint, .sighup] : [.sigterm, .sigint])
        case .unit:
            print(try unitFile(for: program, isOneOfSeveral).unit.text, terminator: "")
        case .install:
            let file = try unitFile(for: program, isOneOfSeveral)
            try file.install()
            print(
                "\(file.path) is written. To have it run now and at each start:\n  \(file.hint(afterRemoving: false))"
            )
        case .uninstall:
            let file = try unitFile(for: program, isOneOfSeveral)
            try file.remove()
            print("\(file.path) is removed. If it still runs:\n  \(file.hint(afterRemoving: true))")
        case .discovery:
            try await Discovery<Program>(plan: plan(for: program, ServiceSettings(config))).perform(isRemoving: remove)
        }
    }

    private func plan<Program: ServiceProgram>(
        for program: Program.Type,
        _ settings: ServiceSettings
    ) throws -> ServicePlan<Program.Settings> {
        try settings.plan(for: program, isVerbose: verbose, debugPrefix: debugPrefix)
    }

    private func unitFile<Program: ServiceProgram>(for program: Program.Type, _ isOneOfSeveral: Bool) throws -> UnitFile
    {
        guard !user || account == nil else {
            throw ServiceCommandError(message: "a unit of the user's own runs as that user; --as is for the machine's")
        }
        let environment = SettingsEnvironment.process
        // A unit that can't be read at its start would only be noticed then.
        let settings = subcommand == .uninstall ? nil : try ServiceSettings(config, environment: environment)
        if let settings { _ = try plan(for: program, settings) }
        let unit = SystemdUnit(
            name: program.name,
            command: [self.program.map(OwnProgram.absolute) ?? OwnProgram.path]
                + (isOneOfSeveral ? ["--start", program.name] : [])
                + (settings?.file.map { ["--config", OwnProgram.absolute($0.name)] } ?? []),
            account: user ? .caller : account.map { .named($0) } ?? .own
        )
        return try UnitFile(unit, in: directory, environment: environment)
    }
}

/// What is wrong with a command line.
struct ServiceCommandError: Error, CustomStringConvertible {
    let message: String

    var description: String { message }
}

extension ServicePlan {
    /// What would run, without secrets.
    func summary(of file: String?) -> String {
        let broker = (try? BrokerURL(broker.value))?.description ?? broker.value.prefix { $0 != ":" } + "://…"
        func text(of topic: TopicName) -> String { isOnMQTT ? topic.mqtt : topic.text }
        let lines = [
            ("service", name), ("settings", file ?? "none but the environment"), ("broker", broker),
            ("topics below", text(of: base)),
            ("online", connection.will?.topic.mqtt ?? "not said"), ("state file", stateFile.path),
            ("log", log?.topic.map(text) ?? "not published"),
            ("enabled", isEnabled ? "yes" : "no"),
        ]
        return lines.map { "\($0.0): \($0.1)" }.joined(separator: "\n")
    }
}
