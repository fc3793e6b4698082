import ArgumentParser

@main
struct Benchmarks: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "Playground/Benchmarks/run",
        abstract: "Measures Martlet beside the C libraries that it stands on.",
        subcommands: [Compare.self, Plots.self],
        defaultSubcommand: Compare.self
    )
}
