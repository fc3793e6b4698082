import IntegrationSupport
import Testing

@Suite("martlet send, receive", .timeLimit(.minutes(10)))
struct QueueTests {
    @Test("a message waits for its consumer, is looked at, and then taken", arguments: [TestBroker.amqp, .redis])
    func sendsAndReceives(broker: TestBroker) async throws {
        let url = try await broker.url
        let queue = unique("jobs")
        let sent = try await Tool.run("send", url, queue, input: .text("{\"job\":1}\n{\"job\":2}\n{\"job\":3}\n"))
        #expect(sent.exit == .exited(0))
        let looked = try await Tool.run("receive", url, queue, "--requeue", "--count", "2")
        #expect(looked.exit == .exited(0))
        let order = ["{\"job\":1}", "{\"job\":2}", "{\"job\":3}"]
        #expect(looked.lines.count == 2)
        #expect(zip(looked.lines, order).allSatisfy { $0.contains("\"body\":\($1)") })
        let taken = try await Tool.run("receive", url, queue, "--count", "3", "--raw")
        #expect(taken.exit == .exited(0))
        #expect(taken.lines == order)
        let empty = try await Tool.run("receive", url, queue, "--timeout", "300ms", "--count", "1")
        #expect(empty.exit == .exited(124))
        #expect(empty.output.isEmpty)
        let nothing = try await Tool.run("receive", url, queue, "--requeue", "--timeout", "300ms")
        #expect(nothing.exit == .exited(0))
        #expect(nothing.output.isEmpty)
    }

    @Test("what is rejected does not come again", arguments: [TestBroker.amqp, .redis])
    func rejects(broker: TestBroker) async throws {
        let url = try await broker.url
        let queue = unique("jobs")
        try await #expect(Tool.run("send", url, queue, "1", "--count", "2").exit == .exited(0))
        try await #expect(Tool.run("receive", url, queue, "--reject", "--count", "1").lines.count == 1)
        try await #expect(Tool.run("receive", url, queue, "--count", "1").lines.count == 1)
        try await #expect(Tool.run("receive", url, queue, "--count", "1", "--timeout", "300ms").lines.isEmpty)
    }

    @Test("on MQTT, which keeps no queues, somebody has to be there")
    func needsConsumer() async throws {
        let url = try await TestBroker.mqtt.url
        let queue = unique("jobs")
        let lost = try await Tool.run("send", url, queue, "1")
        #expect(lost.exit == .exited(1))
        #expect(lost.errors.contains("no-responder"))
        #expect(lost.errors.contains("start who does"))
        let receiver = try await Tool.start("receive", url, queue, "--count", "2", until: "taking")
        try await #expect(Tool.run("send", url, queue, "[1]", "--count", "2").exit == .exited(0))
        let end = try await receiver.waitForEnd()
        #expect(end == .exited(0))
        #expect(receiver.lines.count == 2)
    }
}
