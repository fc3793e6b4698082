import IntegrationSupport
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

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

    @Test("does not cut off its clients because it stood still itself")
    func excusesClients() async throws {
        let broker = try Tool.start(["broker", "--port", "0"])
        try await broker.waitForOutput(#""state":"listening""#)
        let port = try #require(broker.lines.first?.firstMatch(of: /"port":(\d+)/)?.1)
        let client = try Socket.connecting(to: .loopback(port: try #require(Int(port))))
        try await client.waitUntilWritable()
        // CONNECT, with a keep-alive of a second.
        try await client.sendAll([0x10, 13, 0, 4] + Array("MQTT".utf8) + [4, 2, 0, 1, 0, 1, 0x63])
        #expect(try await client.receive(4) == [0x20, 2, 0, 0])
        broker.send(signal: SIGSTOP)
        for _ in 0..<8 {
            try await client.sendAll([0xC0, 0])
            try await Task.sleep(for: .milliseconds(500))
        }
        broker.send(signal: SIGCONT)
        for _ in 0..<8 { #expect(try await client.receive(2) == [0xD0, 0]) }
        broker.send(signal: SIGTERM)
        #expect(try await broker.waitForEnd() == .exited(0))
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

    @Test("keeps in a folder what it has, and shows it")
    func keeps() async throws {
        let folder = try TemporaryFolder("broker")
        defer { folder.remove() }
        let store = folder.path("store")
        for run in 0..<2 {
            let broker = try Tool.start(["broker", "--port", "0", "--store", store])
            try await broker.waitForOutput(#""state":"listening""#)
            let port = try #require(broker.lines.first?.firstMatch(of: /"port":(\d+)/)?.1)
            let publisher = try Program.find("mosquitto_pub", package: "mosquitto-clients")
            let subscriber = try Program.find("mosquitto_sub", package: "mosquitto-clients")
            let session = ["-p", "\(port)", "-i", "desk", "-c", "-t", "house/+", "-q", "1"]
            if run == 0 {
                try await Program.run(subscriber, session + ["-E"])
                try await Program.run(publisher, ["-p", "\(port)", "-t", "house/door", "-m", "open", "-q", "1"])
                try await Program.run(
                    publisher,
                    ["-p", "\(port)", "-t", "kept", "-m", "{ \"a\": 1 }", "-r", "-q", "1"]
                )
                // Also while a broker uses it.
                try await Self.expectDump(of: store)
                let other = try await Tool.run("broker", "--port", "0", "--store", store)
                #expect(other.exit == .exited(64))
                #expect(other.errors.contains("somebody else uses the store in \(store)"))
            } else {
                #expect(try await Program.run(subscriber, session + ["-C", "1", "-W", "60"]) == "open\n")
            }
            broker.send(signal: 15)
            #expect(try await broker.waitForEnd() == .exited(0))
            if run == 0 { try await Self.expectDump(of: store) }
        }
    }

    private static func expectDump(of store: String) async throws {
        let dump = try await Tool.run("broker", "dump", store)
        #expect(dump.exit == .exited(0), "\(dump.errors)")
        #expect(dump.lines.count == 4)
        #expect(dump.lines.first == #"{"kind":"retained","topic":"kept","body":{"a":1},"qos":1}"#)
        let objects = try dump.objects
        #expect(objects[1]["client"] as? String == "desk")
        #expect(objects[1]["queued"] as? Int == 1)
        #expect(objects[1]["left"] is String)
        #expect(dump.lines[1].contains(#""subscriptions":[{"filter":"house/+","qos":1}]"#))
        let queued = #"{"kind":"queued","client":"desk","topic":"house/door","body":"open","encoding":"text","qos":1}"#
        #expect(dump.lines[2] == queued)
        #expect(objects[3]["sessions"] as? Int == 1)
        #expect(objects[3]["cut"] as? Int == 0)
    }

    @Test("names a damaged file of its folder")
    func namesDamage() async throws {
        let folder = try TemporaryFolder("broker")
        defer { folder.remove() }
        let log = try folder.write(String(repeating: "x", count: 100), to: "snapshot-00000003")
        for arguments in [["dump", folder.path], ["--port", "0", "--store", folder.path]] {
            let run = try await Tool.run(["broker"] + arguments)
            #expect(run.exit == .exited(64))
            #expect(run.errors.contains("the store's file \(log) is damaged at byte 0"), "\(run.errors)")
        }
        let none = try await Tool.run("broker", "dump", folder.path("none"))
        #expect(none.exit == .exited(64))
        #expect(none.errors.contains("the store's folder \(folder.path("none")) can't be used"))
    }
}
