import Foundation
import IntegrationSupport
import Martlet
import MartletMQTT
import MartletServer
import Testing

/// `martlet broker --store`, killed again and again while programs of others publish and subscribe.
@Suite(.timeLimit(.minutes(15))) struct KillTests {
    private static let kills = ProcessInfo.processInfo.environment["MARTLET_KILLS"].flatMap(Int.init) ?? 12

    /// The broker, on one port whenever it runs.
    private final class Broker {
        let port: Int
        let store: String
        private let arguments: [String]
        private let reservation: ReservedPort
        private var run: ProgramRun?

        init(_ store: String, _ arguments: [String]) throws {
            reservation = try ReservedPort()
            port = reservation.number
            (self.store, self.arguments) = (store, arguments)
        }

        func start() async throws {
            let run = try ProgramRun(
                ofPackage: "martlet",
                ["broker", "--port", "\(port)", "--store", store, "--report", "1h"] + arguments
            )
            self.run = run
            try await run.waitForOutput(#""state":"listening""#)
        }

        func kill() async throws {
            run?.send(signal: SIGKILL)
            try await run?.waitForEnd()
        }

        /// Kills it and starts it again, so many times, in the midst of what programs publish.
        func killAgainAndAgain(_ times: Int, whileTheyPublish writers: [ProgramRun]) async throws {
            for _ in 0..<times {
                let before = writers.map { $0.lines.count }
                while zip(writers, before).contains(where: { $0.lines.count < $1 + 20 }) {
                    try await Task.sleep(for: .milliseconds(10))
                }
                try await Task.sleep(for: .milliseconds(.random(in: 0...60)))
                try await kill()
                try await start()
            }
        }
    }

    /// Workers share a queue while the broker is killed: what was acknowledged comes to one of them, and with QoS 2 it comes once.
    @Test(arguments: [[], ["--sync", "100ms"]]) func nothingIsLostOfAQueue(_ arguments: [String]) async throws {
        let folder = try TemporaryFolder("kill")
        defer { folder.remove() }
        let broker = try Broker(folder.path("store"), arguments + ["--queue", "load/1", "--queue", "load/2"])
        try await broker.start()
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/../Peers/load_peer.py"
        let python = try await PythonEnvironment.interpreter()
        let stop = folder.path("stop")
        var workers: [[ProgramRun]] = []
        var writers: [ProgramRun] = []
        for qos in 1...2 {
            // With QoS 2 a message is one client's from when it was sent to it, so that it comes once though there are two.
            let runs = try (1...2).map { number in
                try ProgramRun(
                    python,
                    [script, "subscribe", "\(broker.port)", "\(qos)", "$share/martlet/load/\(qos)", "\(qos)-\(number)"]
                )
            }
            for run in runs { try await run.waitForOutput("ready") }
            workers.append(runs)
            writers.append(try ProgramRun(python, [script, "publish", "\(broker.port)", "\(qos)", stop]))
        }
        try await broker.killAgainAndAgain(Self.kills, whileTheyPublish: writers)
        try folder.write("", to: "stop")
        for (number, (runs, writer)) in zip(workers, writers).enumerated() {
            let qos = number + 1
            try await writer.waitForOutput("end")
            let acknowledged = Set(writer.lines.compactMap { Int($0) })
            func got() -> [Int] { runs.flatMap(\.lines).compactMap { Int($0) } }
            while !Set(got()).isSuperset(of: acknowledged) {
                try await Task.sleep(for: .milliseconds(20))
                let left = try StoreDump(folder: broker.store)
                if left.waitingCount == 0, left.queuedCount == 0, !Set(got()).isSuperset(of: acknowledged) {
                    Issue.record(
                        "QoS \(qos): \(acknowledged.subtracting(got()).sorted()) were acknowledged and are nowhere"
                    )
                    return
                }
            }
            #expect(acknowledged.count > Self.kills * 20)
            if qos == 2 { #expect(got().count == Set(got()).count, "QoS 2: some came twice") }
        }
        // All that came was settled.
        while try StoreDump(folder: broker.store).waitingCount > 0 { try await Task.sleep(for: .milliseconds(20)) }
    }

    @Test(arguments: [[], ["--sync", "100ms"]]) func nothingAcknowledgedIsLost(_ arguments: [String]) async throws {
        let folder = try TemporaryFolder("kill")
        defer { folder.remove() }
        let broker = try Broker(folder.path("store"), arguments)
        try await broker.start()
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/../Peers/load_peer.py"
        let python = try await PythonEnvironment.interpreter()
        let stop = folder.path("stop")
        var readers: [ProgramRun] = []
        var writers: [ProgramRun] = []
        for qos in 1...2 {
            let reader = try ProgramRun(python, [script, "subscribe", "\(broker.port)", "\(qos)"])
            try await reader.waitForOutput("ready")
            readers.append(reader)
            writers.append(try ProgramRun(python, [script, "publish", "\(broker.port)", "\(qos)", stop]))
        }
        try await broker.killAgainAndAgain(Self.kills, whileTheyPublish: writers)
        try folder.write("", to: "stop")
        for (number, (reader, writer)) in zip(readers, writers).enumerated() {
            let qos = number + 1
            try await writer.waitForOutput("end")
            let acknowledged = Set(writer.lines.compactMap { Int($0) })
            while !Set(reader.lines.compactMap({ Int($0) })).isSuperset(of: acknowledged) {
                try await Task.sleep(for: .milliseconds(20))
                let missing = acknowledged.subtracting(reader.lines.compactMap { Int($0) })
                if try StoreDump(folder: broker.store).sessions.allSatisfy({ $0.queued.isEmpty && $0.inFlight.isEmpty }
                ),
                    !Set(reader.lines.compactMap({ Int($0) })).isSuperset(of: acknowledged)
                {
                    Issue.record("QoS \(qos): \(missing.sorted()) were acknowledged and are nowhere")
                    return
                }
            }
            let all = reader.lines.compactMap { Int($0) }
            #expect(acknowledged.count > Self.kills * 20)
            if qos == 2 { #expect(all.count == Set(all).count, "QoS 2: some came twice") }
        }
    }

    /// mosquitto's programs and a connection of Martlet's, each of which the broker answers once it has what it was told.
    @Test func programsOfOthersFindWhatTheyLeft() async throws {
        let folder = try TemporaryFolder("kill")
        defer { folder.remove() }
        let broker = try Broker(folder.path("store"), [])
        let server = ["-h", "127.0.0.1", "-p", "\(broker.port)", "-V", "mqttv5"]
        let publisher = try Program.find("mosquitto_pub", package: "mosquitto-clients")
        let subscriber = try Program.find("mosquitto_sub", package: "mosquitto-clients")
        let session = ["-i", "kept", "-c", "-x", "1000", "-t", "queue", "-q", "2"]
        try await broker.start()
        try await Program.run(subscriber, server + session + ["-E"])
        try await MQTTConnection.withConnection(to: "mqtt://127.0.0.1:\(broker.port)") { local in
            try await local.publish(
                Message("kept"),
                to: "kept.a",
                options: PublishOptions(guarantee: .atLeastOnce, retain: true)
            )
        }
        for number in 0..<6 {
            try await Program.run(publisher, server + ["-t", "queue", "-m", "\(number)", "-q", "\(number % 2 + 1)"])
            try await broker.kill()
            try await broker.start()
        }
        let seen = try await Program.run(subscriber, server + session + ["-C", "6", "-W", "60"])
        // Those of QoS 2 are shown when they are released, behind those of QoS 1.
        #expect(seen.split(separator: "\n").sorted() == ["0", "1", "2", "3", "4", "5"])
        let kept = try await Program.run(subscriber, server + ["-t", "kept/#", "-C", "1", "-W", "60", "-F", "%p %r"])
        #expect(kept == "kept 1\n")
        try await broker.kill()
        try await broker.start()
        try await MQTTConnection.withConnection(to: "mqtt://127.0.0.1:\(broker.port)") { local in
            let inbox = try await local.subscribe(to: "kept.#")
            #expect(try await inbox.next()?.message.text == "kept")
        }
    }
}
