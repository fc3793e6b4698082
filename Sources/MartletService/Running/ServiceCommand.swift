import ArgumentParser
import Logging
import Martlet
import MartletSettings
import ServiceLifecycle

/// The command line of a service, or of several.
struct ServiceCommand: ParsableArguments {
    /// What a program is told to do.
    enum Subcommand: String, ExpressibleByArgument, CaseIterable {
        case run
    }

    @Argument(help: "What to do.")
    var subcommand = Subcommand.run

    @Option(name: .shortAndLong, help: ArgumentHelp("The file of the settings.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("Which of the program's services is meant.", valueName: "name"))
    var start: String?

    @Flag(help: "Read the settings, say what would run, and touch nothing.")
    var check = false

    @Flag(name: .shortAndLong, help: "Log all that helps to find a fault.")
    var verbose = false

    /// Does what the process' arguments say, and ends the process if that goes wrong.
    static func main(of services: [any ServiceProgram.Type]) async {
        let command = parseOrExit()
        do {
            try await command.perform(command.chosen(of: services))
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

    private func perform<Program: ServiceProgram>(_ program: Program.Type) async throws {
        let settings = try ServiceSettings(config)
        let plan = try settings.plan(for: program, isVerbose: verbose)
        if check {
            print(plan.summary(of: settings.file?.name))
        } else if plan.isEnabled {
            try await ServiceRun<Program>(plan: plan).runUntilSignal()
        } else {
            plan.logger.notice("the settings say 'enabled = false': the service does not run")
        }
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
        let lines = [
            ("service", name), ("settings", file ?? "none but the environment"), ("broker", broker),
            ("topics below", broker.hasPrefix("mqtt") ? base.mqtt : base.text),
            ("online", connection.will?.topic.mqtt ?? "not said"), ("state file", StateLocation(name: name).path),
            ("enabled", isEnabled ? "yes" : "no"),
        ]
        return lines.map { "\($0.0): \($0.1)" }.joined(separator: "\n")
    }
}
