import Foundation
import IntegrationSupport
import Testing

/// The units that services write for systemd.
@Suite("A service's unit", .timeLimit(.minutes(5)))
struct SystemdUnitTests {
    let folder: TemporaryFolder
    let settings: String

    init() throws {
        folder = try TemporaryFolder("unit")
        settings = try folder.write("broker: mqtt://localhost\n", to: "settings.yml")
    }

    private func output(_ arguments: String..., environment: [String: String] = [:]) async throws -> String {
        try await ProgramUnderTest.output(["--start", "minimal"] + arguments, environment: environment)
    }

    private func refusal(_ arguments: String...) async throws -> String { try await refusal(arguments) }

    private func refusal(_ arguments: [String]) async throws -> String {
        let run = try ProgramUnderTest.start(
            ["--start", "minimal"] + arguments,
            environment: arguments.contains("--config") ? [:] : ["MARTLET_BROKER": "mqtt://localhost"]
        )
        #expect(try await run.waitForEnd() == .exited(1))
        return run.errors
    }

    #if os(Linux)
    @Test(arguments: [[], ["--as", "daemon"]])
    func `convinces systemd, and leaves it little to fear`(arguments: [String]) async throws {
        let analyze = try Program.find("systemd-analyze", package: "systemd")
        let text = try await ProgramUnderTest.output(
            // Wherever the tests stand: systemd wants a program that there is.
            ["--start", "minimal", "unit", "--program", "/usr/bin/true"] + arguments,
            environment: ["MARTLET_BROKER": "mqtt://localhost"]
        )
        let path = try folder.write(text, to: "minimal.service")
        // Both complain of what is wrong with other units of the machine as well.
        let complaints = try await Program.run(analyze, ["verify", "--man=no", path])
        #expect(!complaints.contains("minimal.service"), "\(complaints)")
        // Zero to ten, and ten times that in the option.
        let report = try await Program.run(
            analyze,
            ["security", "--offline=true", "--no-pager", "--threshold=15", path]
        )
        #expect(report.contains("Overall exposure level for minimal.service: 1."), "\(report)")
    }

    @Test(.enabled("it takes the right to trace programs") { await SystemCalls.canBeTraced() })
    func `lets the program do all that it does`() async throws {
        let settings = "services: {echo: {custom_value: hello}}\n"
        let strace = try Program.find("strace", package: "strace")
        let calls = folder.path("calls")
        try await MosquittoServer.withServer { server in
            let broker = "broker: {host: 127.0.0.1, port: \(server.port)}\n"
            let path = try folder.write(broker + settings, to: "echo.yml")
            let unit = try await ProgramUnderTest.output(["--start", "echo", "unit", "--user", "--config", path])
            // The program is the child, and what traces it hangs on to it: signals are for the program.
            let echo = try ProgramRun(
                strace,
                ["-D", "-f", "-qq", "-o", calls, ProgramUnderTest.path, "--start", "echo", "--config", path],
                environment: ["STATE_DIRECTORY": folder.path]
            )
            try await echo.waitForErrors("the node runs")
            echo.send(signal: SIGHUP)
            try await echo.waitForErrors("runs with its new settings")
            echo.send(signal: SIGTERM)
            #expect(try await echo.waitForEnd() == .exited(0), "\(echo.errors)")
            let allowed = try await SystemCalls.allowed(by: unit)
            let made = try SystemCalls.made(in: calls)
            #expect(made.isSuperset(of: ["execve", "socket", "setpriority"]), "\(made)")
            #expect(made.subtracting(allowed).isEmpty)
            #expect(!allowed.contains("mount"))
        }
    }

    @Test func `of a user convinces systemd, too`() async throws {
        let analyze = try Program.find("systemd-analyze", package: "systemd")
        let text = try await output("unit", "--user", "--config", settings)
        #expect(text.contains("\nWantedBy=default.target\n"))
        #expect(!text.contains("DynamicUser") && !text.contains("network-online"))
        let path = try folder.write(text, to: "minimal.service")
        let complaints = try await Program.run(
            analyze,
            ["--user", "verify", "--man=no", path],
            environment: ["XDG_RUNTIME_DIR": folder.path]
        )
        #expect(!complaints.contains("minimal.service"), "\(complaints)")
    }
    #endif

    @Test func `starts the program with its settings`() async throws {
        let text = try await output("unit", "--user", "--config", settings)
        #expect(text.contains("\nExecStart=\(ProgramUnderTest.path) --start minimal --config \(settings)\n"))
        #expect(text.contains("\nType=notify\n") && text.contains("\nExecReload=/bin/kill -HUP $MAINPID\n"))
    }

    @Test func `quotes what systemd would take apart`() async throws {
        let odd = try folder.write("broker: mqtt://localhost\n", to: "my \"100%\" $file.yml")
        let text = try await output("unit", "--user", "--config", odd)
        #expect(text.contains("--config \"\(folder.path)/my \\\"100%%\\\" $$file.yml\"\n"))
        #if os(Linux)
        let analyze = try Program.find("systemd-analyze", package: "systemd")
        let path = try folder.write(text, to: "minimal.service")
        let complaints = try await Program.run(
            analyze,
            ["--user", "verify", "--man=no", path],
            environment: ["XDG_RUNTIME_DIR": folder.path]
        )
        #expect(!complaints.contains("minimal.service"), "\(complaints)")
        #endif
    }

    @Test func `is written and removed where systemd looks for it`() async throws {
        let home = ["HOME": folder.path]
        let path = folder.path(".config/systemd/user/minimal.service")
        let said = try await output("install", "--user", "--config", settings, environment: home)
        #expect(said.contains("\(path) is written"))
        #expect(said.contains("systemctl --user enable --now minimal"))
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text == (try await output("unit", "--user", "--config", settings)))
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o644)
        _ = try await output("install", "--user", "--config", settings, environment: home)
        _ = try await output("uninstall", "--user", environment: home)
        #expect(!FileManager.default.fileExists(atPath: path))
        #expect(try await refusal("uninstall", "--user", "--directory", folder.path).contains("there is no "))
    }

    @Test func `of another making is left alone`() async throws {
        try folder.write("[Unit]\n", to: "minimal.service")
        let arguments = ["--user", "--directory", folder.path]
        for command in ["install", "uninstall"] {
            let run = try ProgramUnderTest.start(
                ["--start", "minimal", command] + arguments,
                environment: ["MARTLET_BROKER": "mqtt://localhost"]
            )
            #expect(try await run.waitForEnd() == .exited(1))
            #expect(run.errors.contains("minimal.service is not of this service's making"))
        }
        #expect(try String(contentsOfFile: folder.path("minimal.service"), encoding: .utf8) == "[Unit]\n")
    }

    @Test func `is not written for what the service could not read`() async throws {
        let installed = ["--program", "/usr/local/bin/minimal"]
        #expect(
            try await refusal(["unit", "--config", settings] + installed)
                .contains("does not see \(settings): put it elsewhere")
        )
        #expect(
            try await refusal("unit", "--program", "/home/me/minimal")
                .contains("does not see /home/me/minimal: put it elsewhere")
        )
        let wrong = try folder.write("brokr: x\n", to: "wrong.yml")
        #expect(try await refusal("unit", "--user", "--config", wrong).contains("wrong.yml:1:1"))
        #expect(try await refusal("unit", "--user", "--as", "daemon", "--config", settings).contains("--as is for"))
    }
}
