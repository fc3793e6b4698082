import IntegrationSupport
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@Suite("What the broker refuses is no success: exit code 1, and the broker's reason", .timeLimit(.minutes(10)))
struct RefusalTests {
    /// The commands that only send, for a user who may not.
    private static func sending(_ url: String, _ name: String) -> [[String]] {
        [
            ["publish", url, name, "{}"], ["publish", url, name, "{}", "--qos", "0"],
            ["publish", url, name, "{}", "--count", "200"], ["emit", url, name, "{}"],
        ]
    }

    private func expectRefusal(_ arguments: [String], _ reason: String, input: ProgramRun.Input = .nothing) async throws
    {
        let outcome = try await Tool.run(arguments, input: input)
        #expect(outcome.exit == .exited(1), "\(arguments)")
        #expect(outcome.errors.contains(reason), "\(arguments): \(outcome.errors)")
        #expect(outcome.errors.contains("see the rights of the user"), "\(arguments)")
        #expect(!outcome.errors.contains("s3sam3"))
    }

    @Test("Redis: channels and keys that a user may not use")
    func onRedis() async throws {
        try await RedisServer.withServer { server in
            try await server.command(
                "ACL",
                "SETUSER",
                "chan",
                "on",
                ">s3sam3",
                "+@all",
                "~*",
                "resetchannels",
                "&chan.*"
            )
            try await server.command("ACL", "SETUSER", "none", "on", ">s3sam3", "+@all", "resetkeys", "allchannels")
            let url = "redis://chan:s3sam3@127.0.0.1:\(server.port)"
            for arguments in Self.sending(url, "other.a") { try await expectRefusal(arguments, "NOPERM") }
            try await #expect(Tool.run("publish", url, "chan.a", "{}").exit == .exited(0))
            try await expectRefusal(["bench", url, "--only", "pubsub", "--messages", "10"], "NOPERM")
            let keyless = "redis://none:s3sam3@127.0.0.1:\(server.port)"
            try await expectRefusal(["send", keyless, "jobs", "{}"], "NOPERM")
            try await expectRefusal(["call", keyless, "ops.a"], "NOPERM")
            try await expectRefusal(["goal", keyless, "arm.move"], "NOPERM")
            try await expectRefusal(["serve", keyless, "ops.a", "--echo"], "NOPERM")
        }
    }

    @Test("RabbitMQ: a user without the right to write")
    func onRabbitMQ() async throws {
        let server = try await RabbitMQServer.shared()
        let user = unique("reader").replacing(".", with: "")
        try await server.control("add_user", user, "s3sam3")
        try await server.control("set_permissions", user, ".*", "^$", ".*")
        let url = "amqp://\(user):s3sam3@127.0.0.1:\(server.port)"
        for arguments in Self.sending(url, "a.b") { try await expectRefusal(arguments, "ACCESS_REFUSED") }
        for arguments in [["send", url, "jobs", "{}"], ["call", url, "ops.a"], ["goal", url, "arm.move"]] {
            try await expectRefusal(arguments, "ACCESS_REFUSED")
        }
        try await expectRefusal(["bench", url, "--only", "pubsub", "--messages", "10"], "ACCESS_REFUSED")
    }

    @Test("MQTT 5: an access control list; 3.1.1 and QoS 0 have no word for it")
    func onMQTT() async throws {
        var options = MosquittoOptions()
        options.users = [.init("alice", password: "s3sam3")]
        options.accessControl = ["user alice", "topic read #", "topic write chan/#", "topic write martlet/#"]
        try await MosquittoServer.withServer(options) { server in
            let url = "mqtt://alice:s3sam3@127.0.0.1:\(server.port)"
            try await expectRefusal(["publish", url, "other.a", "{}"], "ot authori")
            try await expectRefusal(["publish", url, "other.a"], "ot authori", input: .text("1\n2\n3\n"))
            try await expectRefusal(["emit", url, "other.a", "{}"], "ot authori")
            try await expectRefusal(["send", url, "jobs", "{}"], "ot authori")
            try await #expect(Tool.run("publish", url, "chan.a", "{}").exit == .exited(0))
            try await #expect(Tool.run("publish", url, "other.a", "{}", "--qos", "0").exit == .exited(0))
            try await #expect(Tool.run("publish", url + "?version=3.1.1", "other.a", "{}").exit == .exited(0))
        }
    }

    @Test("a server whose answers are refused says so when it is ended")
    func refusedReplies() async throws {
        let server = try await RabbitMQServer.shared()
        let user = unique("mute").replacing(".", with: "")
        try await server.control("add_user", user, "s3sam3")
        // It may bind its queues, and not write to the exchange by which replies go.
        try await server.control("set_permissions", user, ".*", "^(martlet|ops|amq.topic).*", ".*")
        let name = unique("ops.echo")
        let serving = try await Tool.start(
            "serve",
            "amqp://\(user):s3sam3@127.0.0.1:\(server.port)",
            name,
            "--echo",
            until: "answering"
        )
        let call = try await Tool.run("call", TestBroker.amqp.url, name, "1", "--timeout", "2s")
        #expect(call.exit == .exited(124))
        serving.send(signal: SIGTERM)
        let end = try await serving.waitForEnd()
        #expect(end == .exited(1))
        #expect(serving.errors.contains("ACCESS_REFUSED"))
    }
}
