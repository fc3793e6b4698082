import Foundation
import IntegrationSupport

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Runs the commands of an article as somebody at a terminal would.
struct ArticleSession {
    /// What the article's URLs stand for here.
    let urls: [(written: String, real: String)]
    let folder: TemporaryFolder

    init(urls: [(written: String, real: String)], folder: TemporaryFolder) throws {
        self.urls = urls
        self.folder = folder
        // Another build may be wanted for a recording: the figures of one for debugging mean little.
        let tool = ProcessInfo.processInfo.environment["MARTLET_TOOL"] ?? Tool.path
        try Tool.install(tool, in: folder)
        // What a shell reads that is no person's: its commands write their files there, and nowhere else.
        try folder.write("cd '\(folder.path)'\n", to: "start")
    }

    /// Starts a command.
    func start(_ command: String) throws -> TerminalRun {
        let environment = [
            "PATH": "\(folder.path):/usr/bin:/bin", "NO_COLOR": "1", "MARTLET_URL": "", "TZ": "UTC",
            "BASH_ENV": folder.path("start"),
        ]
        var command = command
        for url in urls { command.replace(url.written, with: url.real) }
        return try TerminalRun("/bin/bash", ["-c", command], environment: environment, columns: 110)
    }

    /// What is on the screen of a command, as it would be in the article.
    func output(of run: TerminalRun) -> [String] {
        var screen = run.screen
        for url in urls { screen.replace(url.real, with: url.written) }
        var lines = screen.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        while lines.last == "" { lines.removeLast() }
        return lines.filter { !$0.hasPrefix("This is a debug build") }
    }

    /// Whether a command goes on until somebody ends it.
    static func isEndless(_ command: String) -> Bool {
        ["demo", "serve", "bridge"].contains { command.hasPrefix("martlet \($0) ") } && !command.contains("--check")
    }

    /// The lines without what is another each time.
    static func normalized(_ lines: [String], of command: String) -> [String] {
        lines.map { line in
            var line = line
            line.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/, with: "TIMESTAMP")
            line.replace(/\d\d:\d\d:\d\d\.\d{3}/, with: "TIME")
            line.replace(/[0-9a-f]{32}/, with: "ID")
            line.replace(/"ts": \d+/, with: "\"ts\": N")
            line.replace(/\d+\.\d (ms|s)\b/, with: "N")
            if ["bench", "nodes", "bridge"].contains(where: { command.contains("martlet \($0)") }) {
                line.replace(/[0-9.,]*[0-9]/, with: "N")
                line.replace(/[▁▂▃▄▅▆▇█]+/, with: "")
                line.replace(/\s+/, with: " ")
                line.replace("● late", with: "● live")
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}
