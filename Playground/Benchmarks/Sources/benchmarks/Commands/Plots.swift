import ArgumentParser
import Foundation

/// Measures how cost grows, and draws it.
struct Plots: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures how cost grows, and writes one picture (SVG) for each transport and question.",
        discussion: "The exit code is 1 if a plot could not be measured."
    )

    @Option(help: "Where the pictures go; it is made if it does not exist.")
    var folder: String

    @Option(help: "Measure only plots whose names match this regular expression.")
    var only: String?

    @Flag(help: "Measure each point once, for a tenth of a second, instead of three times for a third.")
    var quick = false

    func validate() throws { _ = try growths }

    func run() async throws {
        let growths = try growths
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let progress = Progress()
        let survey = Survey(
            runs: quick ? 1 : 3,
            time: .milliseconds(quick ? 100 : 333),
            bench: Bench(),
            progress: progress
        )
        var hasFailed = false
        for growth in growths {
            do {
                let file = "\(folder)/\(growth.name).svg"
                try await survey.plot(growth).svg.write(toFile: file, atomically: true, encoding: .utf8)
                progress.note(file)
            } catch {
                progress.note("\(growth.name) failed\n\(error)")
                hasFailed = true
            }
        }
        if hasFailed { throw ExitCode.failure }
    }

    private var growths: [Growth] {
        get throws {
            guard let only else { return Growth.all }
            let pattern = try Compare.pattern(only)
            let matching = Growth.all.filter { $0.name.contains(pattern) }
            guard !matching.isEmpty else {
                let names = Growth.all.map(\.name).joined(separator: ", ")
                throw ValidationError("No plot's name matches '\(only)'; there are \(names)")
            }
            return matching
        }
    }
}
