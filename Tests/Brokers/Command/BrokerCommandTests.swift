import IntegrationSupport
import Testing

@Suite("martlet broker", .timeLimit(.minutes(10)))
struct BrokerCommandTests {
    @Test("says where it listens, serves clients, and ends in order")
    func serves() async throws {
        let broker = try Tool.start(["broker", "--port", "0", "--report", "100ms"])
        try await broker.waitForOutput(#""state":"listening""#)
        let line = try #require(broker.lines.first)
        let port = try #require(line.firstMatch(of: /"port":(\d+)/)?.1)
        let reader = try ProgramRun(
            try Program.find("mosquitto_sub", package: "mosquitto-clients"),
            ["-p", "\(port)", "-t", "house/#", "-C", "1", "-W", "60"]
        )
        let publisher = try Program.find("mosquitto_pub", package: "mosquitto-clients")
        while reader.lines.isEmpty {
            try await Program.run(publisher, ["-p", "\(port)", "-t", "house/door", "-m", "open"])
        }
        #expect(reader.lines == ["open"])
        try await broker.waitForOutput(#""state":"running""#)
        broker.send(signal: 15)
        #expect(try await broker.waitForEnd() == .exited(0))
        #expect(broker.lines.last?.contains(#""state":"ended""#) == true)
    }

    @Test("refuses what would let everybody in from everywhere, and what is wrong")
    func refuses() async throws {
        let folder = try TemporaryFolder("broker")
        defer { folder.remove() }
        let rules = try folder.write("topics x\n", to: "rules")
        for arguments in [
            ["--host", "0.0.0.0"], ["--tls", "one"], ["--client-ca", "x"], ["--users", "x", "--anonymous"],
            ["--ws-origin", "*"], ["--acl", rules], ["--users", folder.path("none")],
            ["--check", "--tls", "none,none"],
        ] {
            let run = try await Tool.run(["broker"] + arguments)
            #expect(run.exit == .exited(64), "\(arguments): \(run.output)")
        }
    }

    @Test("--check says what it would do")
    func checks() async throws {
        let folder = try TemporaryFolder("broker")
        defer { folder.remove() }
        let rules = try folder.write("topic read status/#\n", to: "rules")
        let run = try await Tool.run(
            ["broker", "--check", "--acl", rules, "--port", "1884", "--ws", "9001", "--socket", "/run/broker"]
        )
        #expect(run.exit == .exited(0))
        #expect(
            run.lines == [
                #"{"state":"planned","listener":"mqtt","host":"127.0.0.1","port":1884}"#,
                #"{"state":"planned","listener":"ws","host":"127.0.0.1","port":9001}"#,
                #"{"state":"planned","listener":"unix","path":"/run/broker"}"#,
            ]
        )
    }
}
