import IntegrationSupport
import Martlet
import MartletTesting
import Synchronization
import Testing

@testable import MartletRelay

/// Answers as it is told, and keeps what it got.
private final class Hook: Sendable {
    private struct State {
        var requests: [WebRequest] = []
        var answers: [(status: Int, retryAfter: String?)?]
    }

    private let state: Mutex<State>

    /// - Parameter answers: of the first requests; `nil`: none, and the connection is lost. Then 200.
    init(_ answers: [(status: Int, retryAfter: String?)?] = []) {
        state = Mutex(State(answers: answers))
    }

    var requests: [WebRequest] { state.withLock { $0.requests } }
    var bodies: [String] { requests.map(\.text) }

    @Sendable func serve(_ request: WebRequest, _ reply: WebReply) async throws {
        let answer = state.withLock { state in
            state.requests.append(request)
            return state.answers.isEmpty ? (200, nil) : state.answers.removeFirst()
        }
        guard let answer else { throw HangUp() }
        if let time = answer.retryAfter {
            try await reply.answer(answer.status, "no", ["Retry-After": time])
        } else {
            try await reply.answer(answer.status, "no")
        }
    }
}

@Suite(.timeLimit(.minutes(10))) struct WebhookTests {
    private let soon = SinkOptions(
        interval: .milliseconds(1),
        retry: Backoff(initial: .milliseconds(1), maximum: .milliseconds(5))
    )
    private let sure = PublishOptions(guarantee: .atLeastOnce)

    private func publish(_ texts: [String], on connection: SinkConnection<WebhookSink>) async throws -> [Martlet
        .Confirmation]
    {
        var confirmations: [Martlet.Confirmation] = []
        for text in texts {
            var message = Message(text)
            message.headers.messageID = "id-\(text)"
            confirmations.append(try await connection.beginPublishing(message, to: "a.b", options: sure))
        }
        return confirmations
    }

    @Test func eachMessageIsARequest() async throws {
        let hook = Hook()
        try await WebServer.withServer(hook.serve) { server in
            let options = WebhookOptions(
                headers: ["authorization": "Bearer s3sam3"],
                secrets: ["whsec_c2VjcmV0IG9mIHRoZSBob29r", "plain"]
            )
            let connection = SinkConnection(
                try WebhookSink(server.url + "/hook?key=1", options: options),
                options: soon
            )
            for confirmation in try await publish(["1", "2"], on: connection) { try await confirmation.wait() }
            await connection.close()
        }
        #expect(hook.bodies == ["1", "2"])
        let request = try #require(hook.requests.first)
        #expect(request.method == "POST")
        #expect(request.path == "/hook?key=1")
        for (name, value) in [
            "content-type": "application/json", "martlet-topic": "a.b", "idempotency-key": "id-1", "webhook-id": "id-1",
            "authorization": "Bearer s3sam3",
        ] { #expect(request.headers[name] == value) }
        let time = try #require(request.headers["webhook-timestamp"].flatMap { Int64($0) })
        let signature = try WebhookSignature("whsec_c2VjcmV0IG9mIHRoZSBob29r").value(
            id: "id-1",
            time: time,
            body: Array("1".utf8)
        )
        let parts = request.headers["webhook-signature"]?.split(separator: " ").map(String.init)
        #expect(parts?.count == 2)
        #expect(parts?.first == signature)
    }

    /// The example of the specification Standard Webhooks.
    @Test func theSignatureIsThatOfTheSpecification() throws {
        let signature = try WebhookSignature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        let body = Array(#"{"test": 2432232314}"#.utf8)
        let value = signature.value(id: "msg_p5jXN8AQM9LWM0D4loKWxJek", time: 1_614_265_330, body: body)
        #expect(value == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        for secret in ["", "whsec_", "whsec_?"] as [Secret] {
            #expect(throws: MessagingError.self) { try WebhookSignature(secret) }
        }
    }

    @Test func whatPassesIsPostedAgainInOrder() async throws {
        let hook = Hook([(500, nil), nil, (200, nil), (429, "0"), (503, nil), (408, nil)])
        try await WebServer.withServer(hook.serve) { server in
            let connection = SinkConnection(try WebhookSink(server.url), options: soon)
            for confirmation in try await publish(["1", "2", "3"], on: connection) { try await confirmation.wait() }
            await connection.close()
        }
        #expect(hook.bodies == ["1", "1", "1", "2", "2", "2", "2", "3"])
        #expect(Set(hook.requests.prefix(3).map { $0.headers["webhook-id"] }) == ["id-1"])
    }

    @Test func aServerThatIsNotThereIsWaitedFor() async throws {
        let reserved = try ReservedPort()
        let hook = Hook()
        let connection = SinkConnection(try WebhookSink("http://127.0.0.1:\(reserved.number)/"), options: soon)
        let confirmations = try await publish(["1"], on: connection)
        for await state in connection.states() where state == .disconnected { break }
        try await WebServer.withServer(port: reserved.number, hook.serve) { _ in try await confirmations[0].wait() }
        #expect(hook.bodies == ["1"])
        await connection.close()
    }

    /// A server may close a connection that was kept open just when the next request is written.
    @Test func aKeptConnectionMayBeClosed() async throws {
        let bodies = Mutex<[String]>([])
        try await WebServer.withServer { request, reply in
            bodies.withLock { $0.append(request.text) }
            try await reply.answer(200)
            throw HangUp()
        } _: { server in
            let connection = SinkConnection(try WebhookSink(server.url), options: soon)
            for number in 0..<50 {
                for confirmation in try await publish(["\(number)"], on: connection) { try await confirmation.wait() }
            }
            await connection.close()
        }
        var seen: Set<String> = []
        #expect(bodies.withLock { $0 }.filter { seen.insert($0).inserted } == (0..<50).map { "\($0)" })
    }

    @Test func whatIsRefusedDiesAlone() async throws {
        let hook = Hook([(200, nil), (422, nil), (200, nil), (302, nil)])
        try await WebServer.withServer(hook.serve) { server in
            let connection = SinkConnection(try WebhookSink(server.url + "/s3sam3"), options: soon)
            let confirmations = try await publish(["1", "2", "3", "4"], on: connection)
            for (index, status) in [(1, "422"), (3, "302")] {
                await #expect { try await confirmations[index].wait() } throws: { error in
                    (error as? MessagingError)?.code == .refused && "\(error)".contains(status)
                        && !"\(error)".contains("s3sam3")
                }
            }
            try await confirmations[0].wait()
            try await confirmations[2].wait()
            await connection.close()
        }
        #expect(hook.bodies == ["1", "2", "3", "4"])
    }

    /// A wrong token is no fault of the messages: they wait until somebody has put it right.
    @Test(
        arguments: [
            (503, "7", 7), (401, nil, 60), (403, nil, 60), (404, nil, 60), (407, nil, 60), (403, "5", 5),
        ] as [(Int, String?, Int)]
    )
    func theServerSaysWhen(status: Int, retryAfter: String?, seconds: Int) async throws {
        let hook = Hook([(status, retryAfter)])
        let clock = TestClock()
        try await WebServer.withServer(hook.serve) { server in
            let connection = SinkConnection(
                try WebhookSink(server.url),
                options: soon,
                connection: ConnectionOptions(clock: clock)
            )
            let confirmations = try await publish(["1"], on: connection)
            try await until { hook.bodies.count == 1 }
            try await clock.waitForSleepers()
            #expect(clock.deadlines.map { clock.now.duration(to: $0) } == [.seconds(seconds)])
            clock.advance(by: .seconds(seconds))
            try await confirmations[0].wait()
            await connection.close()
        }
        #expect(hook.bodies == ["1", "1"])
    }

    @Test func aHookThatIsGoneEndsTheBridge() async throws {
        let hook = Hook([(200, nil), (410, nil)])
        let broker = MemoryBroker()
        let source = try await broker.connect()
        try await WebServer.withServer(hook.serve) { server in
            let sink = SinkConnection(try WebhookSink(server.url), options: soon)
            let bridge = Bridge(from: source, to: sink, name: "hook") { Forward("a.#") }
            await #expect {
                try await bridge.whileRunning {
                    for text in ["1", "2", "3"] { try await source.publish(Message(text), to: "a.b") }
                    try await Task.sleep(for: .seconds(600))
                }
            } throws: { ($0 as? MessagingError)?.code == .connectionClosed }
            await sink.close()
        }
        #expect(hook.bodies.prefix(2) == ["1", "2"])
        await source.close()
    }

    @Test func theTypeOfTheContentStaysAsItIs() async throws {
        let hook = Hook()
        let types = [#"text/plain; charset="iso-8859-1""#, "multipart/mixed; boundary=a%20b"]
        try await WebServer.withServer(hook.serve) { server in
            let connection = SinkConnection(try WebhookSink(server.url), options: soon)
            for type in types {
                var message = Message("x")
                message.headers.contentType = type
                try await connection.publish(message, to: "a", options: sure)
            }
            await connection.close()
        }
        #expect(hook.requests.map { $0.headers["content-type"] } == types)
    }

    @Test func idsThatCanNotStandInAHeadAreEscaped() async throws {
        let hook = Hook()
        try await WebServer.withServer(hook.serve) { server in
            let connection = SinkConnection(try WebhookSink(server.url), options: soon)
            var message = Message("x")
            message.headers.messageID = "a\r\nx-evil: 1 \u{e9}%"
            message.headers.contentType = "text/plain\r\nx-evil: 2"
            let topic = TopicName(segments: ["k\u{fc}che\r\n", "b"])
            try await connection.publish(message, to: topic, options: sure)
            await connection.close()
        }
        let headers = try #require(hook.requests.first).headers
        #expect(headers["webhook-id"] == "a%0D%0Ax-evil:%201%20%C3%A9%25")
        #expect(headers["x-evil"] == nil)
        #expect(headers["martlet-topic"] == "k%C3%BCche%0D%0A.b")
    }

    @Test(
        arguments: [
            ("120", 120), (" 0", 0), ("99999999999999999999", 86_400), ("-1", nil), ("", nil), ("soon", nil),
            ("1.5", nil),
            ("Fri, 13 Feb 2009 23:31:40 GMT", 10), ("Fri, 13 Feb 2009 23:31:20 GMT", 0),
            ("Thu, 29 Feb 2096 00:00:00 GMT", 86_400),
            ("Fri, 13 Feb 2009 23:31:40", nil), ("Fri, 40 Feb 2009 23:31:40 GMT", nil),
            // The two older forms of a date.
            ("Friday, 13-Feb-09 23:31:40 GMT", 10), ("Saturday, 14-Feb-09 00:00:00 GMT", 1_710),
            ("Saturday, 14-Feb-58 00:00:00 GMT", 86_400), ("Saturday, 14-Feb-60 00:00:00 GMT", nil),
            ("Saturday, 14-Feb-99 00:00:00 GMT", 0), ("Friday, 13-Feb-2009 23:31:40 GMT", nil),
            ("Fri Feb 13 23:31:40 2009", 10), ("Sun Feb  1 00:00:00 2009", 0), ("Fri Feb 13 2009 23:31:40", nil),
        ] as [(String, Int?)]
    ) func timesAreRead(_ text: String, _ seconds: Int?) {
        #expect(RetryAfterField.delay(of: text, at: 1_234_567_890) == seconds.map { .seconds($0) })
    }
}
