import IntegrationSupport
import Testing

@Suite("martlet's help", .timeLimit(.minutes(10)))
struct CompletionTests {
    static let subcommands = [
        "publish", "subscribe", "call", "serve", "goal", "emit", "send", "receive", "bridge", "nodes", "demo", "bench",
    ]

    @Test("every subcommand has an example, within 80 columns", arguments: subcommands)
    func helps(subcommand: String) async throws {
        let help = try await Tool.run(subcommand, "--help", environment: ["COLUMNS": "80"])
        #expect(help.exit == .exited(0))
        #expect(help.output.contains("EXAMPLE"))
        #expect(help.output.contains("\n  martlet \(subcommand) "))
        #expect(help.lines.allSatisfy { $0.count <= 80 })
        #expect(help.output.contains("USAGE: martlet \(subcommand) [<url>]"))
    }

    @Test("--version says which one it is")
    func saysItsVersion() async throws {
        let version = try await Tool.run("--version")
        #expect(version.exit == .exited(0))
        #expect(version.output.wholeMatch(of: /martlet \d+\.\d+\.\d+\n/) != nil)
    }

    @Test("the exit codes are explained")
    func explainsCodes() async throws {
        let help = try await Tool.run("--help")
        #expect(help.exit == .exited(0))
        for code in ["0", "1", "64", "65", "66", "69", "124", "130", "143"] {
            #expect(help.lines.contains { $0.hasPrefix("  \(code) ") })
        }
    }

    @Test("bash completes subcommands and options")
    func completes() async throws {
        let folder = try TemporaryFolder("completion")
        defer { folder.remove() }
        let script = try await Tool.run("--generate-completion-script", "bash")
        #expect(script.exit == .exited(0))
        let file = try folder.write(script.output, to: "martlet.bash")
        // What bash does when somebody presses the tab key after these words.
        let press = """
            . \(file)
            complete -p martlet | grep -o -- '-F [^ ]*' > \(folder.path("function"))
            function=$(cut -d' ' -f2 \(folder.path("function")))
            COMP_WORDS=(martlet "$@"); COMP_CWORD=$#; COMP_LINE="martlet $*"; COMP_POINT=${#COMP_LINE}
            $function martlet "${@: -1}" "${@: -2:1}"
            printf '%s\\n' "${COMPREPLY[@]}"
            """
        for (words, expected) in [(["pub"], "publish"), (["bench", "--in"], "--in-flight")] {
            let run = try ProgramRun("/bin/bash", ["-c", press, "bash"] + words)
            try await run.waitForEnd()
            #expect(run.lines.contains { $0.hasPrefix(expected) }, "\(run.output) \(run.errors)")
        }
        for shell in ["zsh", "fish"] {
            let script = try await Tool.run("--generate-completion-script", shell)
            #expect(script.exit == .exited(0))
            #expect(script.output.contains("subscribe"))
        }
    }
}
