import Foundation
import IntegrationSupport
import Martlet
import MartletMQTT
import Testing

/// What systemd hears of a service.
@Suite("A service under systemd", .serialized, .timeLimit(.minutes(5)))
struct SystemdTests {
    let folder: TemporaryFolder
    let listener: NotifyListener

    init() throws {
        folder = try TemporaryFolder("systemd")
        listener = try NotifyListener(folder.path("notify"))
    }

    private func start(
        _ name: String,
        port: Int,
        _ more: String = "",
        _ environment: [String: String] = [:]
    ) throws -> ProgramRun {
        try ProgramUnderTest.start(
            ["--start", name, "--config", settings(port, more)],
            environment: ["STATE_DIRECTORY": folder.path, "NOTIFY_SOCKET": listener.name].merging(environment) { $1 }
        )
    }

    @discardableResult
    private func settings(_ port: Int, _ more: String = "") throws -> String {
        try folder.write("broker: {host: 127.0.0.1, port: \(port)}\n" + more, to: "settings.yml")
    }

    private static let echo = "services: {echo: {custom_value: a}}"

    @Test func `is ready once it runs, and says when it ends`() async throws {
        try await MosquittoServer.withServer { server in
            let echo = try start("echo", port: server.port, Self.echo)
            #expect(try await listener.next() == ["READY=1", "STATUS=running"])
            // It can be reached by now.
            let client = try await MQTTConnection.connect(to: "mqtt://127.0.0.1:\(server.port)")
            let answers = try await client.subscribe(to: TopicPattern(mqtt: "service/echo/echo_response"))
            try await client.publish(Message("hello"), to: TopicName(mqtt: "service/echo/echo"))
            #expect(try await answers.next()?.message.text == "hello")
            await client.close()
            echo.send(signal: SIGTERM)
            #expect(
                try await listener.next() == ["STOPPING=1", "STATUS=ends", "EXTEND_TIMEOUT_USEC=45000000"]
            )
            #expect(try await echo.waitForEnd() == .exited(0))
            #expect(listener.take() == nil)
        }
    }

    @Test func `is ready while it waits for its broker, and tells how that is`() async throws {
        let server = try MosquittoServer()
        let minimal = try start("minimal", port: server.port)
        #expect(try await listener.next() == ["READY=1", "STATUS=waits for its broker"])
        try await server.start()
        #expect(try await listener.next() == ["STATUS=running"])
        server.kill()
        #expect(try await listener.next() == ["STATUS=waits for its broker"])
        minimal.send(signal: SIGTERM)
        try await listener.next(with: "STOPPING=1")
        #expect(try await minimal.waitForEnd() == .exited(0))
    }

    @Test func `tells it by an abstract name, too`() async throws {
        let listener = try NotifyListener("@martlet-test-\(UUID().uuidString)")
        let minimal = try start("minimal", port: 1, "", ["NOTIFY_SOCKET": listener.name])
        #expect(try await listener.next().first == "READY=1")
        minimal.send(signal: SIGTERM)
        #expect(try await listener.next().first == "STOPPING=1")
    }

    @Test func `runs all the same if systemd does not listen`() async throws {
        let minimal = try start("minimal", port: 1, "", ["NOTIFY_SOCKET": folder.path("nobody")])
        try await minimal.waitForErrors("systemd can't be told how the service is")
        minimal.send(signal: SIGTERM)
        #expect(try await minimal.waitForEnd() == .exited(0))
        #expect(minimal.errors.components(separatedBy: "systemd can't be told").count == 2)
    }

    @Test func `says why it ends`() async throws {
        let broken = try start("broken", port: 1)
        let messages = try await listener.next(with: "STOPPING=1")
        #expect(messages.last == ["STOPPING=1", "STATUS=no pump is connected"])
        #expect(try await broken.waitForEnd() == .exited(1))
    }

    @Test func `that is not enabled is started, and ends`() async throws {
        let minimal = try start("minimal", port: 1, "services: {minimal: {enabled: false}}")
        #expect(try await listener.next().first == "READY=1")
        #expect(try await listener.next().first == "STOPPING=1")
        #expect(try await minimal.waitForEnd() == .exited(0))
    }

    // MARK: Watchdog

    private static let watched = ["WATCHDOG_USEC": "400000"]

    @Test func `is alive without its broker, five times a second`() async throws {
        let minimal = try start("minimal", port: 1, "", Self.watched)
        try await listener.next(with: "READY=1")
        let start = ContinuousClock.now
        for _ in 0..<5 { try await listener.next(with: "WATCHDOG=1") }
        #expect(ContinuousClock.now - start > .milliseconds(700))
        minimal.send(signal: SIGTERM)
        try await listener.next(with: "STOPPING=1")
    }

    @Test func `of another process is no business of this one`() async throws {
        let minimal = try start("minimal", port: 1, "", Self.watched.merging(["WATCHDOG_PID": "1"]) { $1 })
        try await listener.next(with: "READY=1")
        try await Task.sleep(for: .seconds(1))
        #expect(listener.take() == nil)
        minimal.send(signal: SIGTERM)
    }

    @Test(arguments: ["fail", "block"])
    func `is not alive when a component has failed, or the tasks are stuck`(how: String) async throws {
        try await MosquittoServer.withServer { server in
            let ailing = try start("ailing", port: server.port, "", Self.watched)
            try await listener.next(with: "READY=1")
            try await listener.next(with: "WATCHDOG=1")
            let client = try await MQTTConnection.connect(to: "mqtt://127.0.0.1:\(server.port)")
            let topic = TopicName(mqtt: "service/ailing/\(how)")
            try await client.publish(Message("1"), to: topic, options: PublishOptions(guarantee: .atLeastOnce))
            await client.close()
            if how == "fail" {
                let messages = try await listener.next(with: "STATUS=running; pump has failed: Fault()")
                #expect(!messages.isEmpty)
            } else {
                try await ailing.waitForOutput("blocks")
            }
            // What was on its way.
            try await Task.sleep(for: .milliseconds(500))
            while listener.take() != nil {}
            try await Task.sleep(for: .seconds(1))
            #expect(listener.take() == nil)
            ailing.send(signal: SIGKILL)
        }
    }

    // MARK: New settings

    @Test func `takes on new settings at SIGHUP`() async throws {
        try await MosquittoServer.withServer { server in
            let client = try await MQTTConnection.connect(to: "mqtt://127.0.0.1:\(server.port)")
            let values = try await client.subscribe(to: TopicPattern(mqtt: "service/echo/foofoo"))
            let echo = try start("echo", port: server.port, Self.echo, ["WATCHDOG_USEC": "400000"])
            try await listener.next(with: "READY=1")
            try settings(server.port, "services: {echo: {custom_value: b}}")
            echo.send(signal: SIGHUP)
            let told = try await listener.next(with: "RELOADING=1").last ?? []
            #expect(told.contains("STATUS=reads its settings"))
            let time = told.compactMap { $0.split(separator: "=").last.flatMap { Int64($0) } }.last ?? 0
            let uptime = try #require(
                Double(String(contentsOfFile: "/proc/uptime", encoding: .utf8).prefix { $0 != " " })
            )
            #expect(abs(Double(time) / 1e6 - uptime) < 10)
            #expect(told[1] == "MONOTONIC_USEC=\(time)")
            let rest = try await listener.next(with: "READY=1")
            #expect(rest.last == ["READY=1", "STATUS=running"])
            #expect(!rest.contains { $0.contains { $0.hasPrefix("STOPPING") } })
            while let value = try await values.next(), value.message.text?.contains("\"b\"") != true {}
            try await listener.next(with: "WATCHDOG=1")
            echo.send(signal: SIGTERM)
            #expect(try await echo.waitForEnd() == .exited(0))
            await client.close()
        }
    }

    @Test func `keeps the old settings if the new ones are wrong, and says where`() async throws {
        try await MosquittoServer.withServer { server in
            let client = try await MQTTConnection.connect(to: "mqtt://127.0.0.1:\(server.port)")
            let echo = try start("echo", port: server.port, Self.echo)
            try await listener.next(with: "READY=1")
            let online = try await client.subscribe(to: TopicPattern(mqtt: "service/echo/#"))
            try settings(server.port, "services:\n  echo: {custom_valu: x}")
            echo.send(signal: SIGHUP)
            try await listener.next(with: "RELOADING=1")
            let ready = try await listener.next(with: "READY=1").last ?? []
            #expect(ready.last?.hasPrefix("STATUS=running; the new settings are wrong, the old ones hold: ") == true)
            #expect(ready.last?.contains("settings.yml:3:10: services.echo") == true)
            #expect(echo.errors.contains("settings.yml:3:10: services.echo"))
            // It has not ended meanwhile.
            for _ in 0..<5 {
                let delivery = try #require(try await online.next())
                #expect(delivery.message.text != "0")
            }
            // The next ones are right again.
            try settings(server.port, "services: {echo: {custom_value: c}}")
            echo.send(signal: SIGHUP)
            #expect(try await listener.next(with: "READY=1").last == ["READY=1", "STATUS=running"])
            while let value = try await online.next(), value.message.text?.contains("\"c\"") != true {}
            echo.send(signal: SIGTERM)
            #expect(try await echo.waitForEnd() == .exited(0))
            await client.close()
        }
    }

    @Test func `takes on new settings while it waits for its broker, and keeps its state`() async throws {
        try await MosquittoServer.withServer { server in
            let gadget = try start("gadget-1", port: 1)
            try await listener.next(with: "READY=1")
            try settings(server.port)
            gadget.send(signal: SIGHUP)
            try await listener.next(with: "RELOADING=1")
            #expect(try await listener.next(with: "READY=1").last == ["READY=1", "STATUS=running"])
            gadget.send(signal: SIGTERM)
            #expect(try await gadget.waitForEnd() == .exited(0))
        }
    }
}
