import Testing

@testable import Martlet

/// A peer that was called once, and answers or cancels what it was never asked.
@Suite(.timeLimit(.minutes(10))) struct ForgedReplyTests {
    /// Answers one request of a queue, and returns it.
    private func answerOne(_ queue: QueueName, of caller: MemoryConnection, by server: MemoryConnection) async throws
        -> Message
    {
        let requests = try await server.consume(from: queue)
        defer { withExtendedLifetime(requests) {} }
        async let answer = caller.call(queue, Message("ask"))
        let delivery = try #require(try await requests.next())
        let request = delivery.message
        let headers: Headers = ["correlation-id": .string(try #require(request.headers.correlationID))]
        try await server.reply(Message("answer", headers: headers), to: try #require(request.headers.replyTo))
        try delivery.ack()
        _ = try await answer
        return request
    }

    @Test func noIDTellsTheNext() async throws {
        let broker = MemoryBroker()
        let (caller, server) = (try await broker.connect(name: "caller"), try await broker.connect(name: "server"))
        var ids: [String] = []
        for _ in 0..<20 {
            ids.append(try #require(try await answerOne("once", of: caller, by: server).headers.correlationID))
        }
        #expect(Set(ids).count == ids.count)
        for (index, id) in ids.enumerated() {
            #expect(id.utf8.count >= 16, "an ID has 64 random bits or more")
            // What two of them have in common is no more than chance gives.
            for other in ids[..<index] { #expect(zip(id, other).prefix { $0 == $1 }.count < 6, "\(id) \(other)") }
        }
    }

    /// The forger knows the address for replies, and the IDs of the calls that it has answered.
    @Test func whoHasAnsweredOneCallCanNotAnswerTheNext() async throws {
        let broker = MemoryBroker()
        let (caller, forger) = (try await broker.connect(name: "caller"), try await broker.connect(name: "forger"))
        let honest = try await broker.connect(name: "honest")
        let known = try await answerOne("weather", of: caller, by: forger)
        let address = try #require(known.headers.replyTo)
        let requests = try await honest.consume(from: "bank")
        async let balance = caller.call("bank", Message("balance"))
        let request = try #require(try await requests.next()?.message)
        let id = try #require(known.headers.correlationID)
        var guesses = [id, "1", "2", ""]
        if let number = Int(id.split(separator: "-").last ?? "") {
            let prefix = id.split(separator: "-").dropLast().joined(separator: "-")
            guesses += (1...10).map { "\(prefix)-\(number + $0)" }
        }
        for guess in guesses {
            try await forger.reply(Message("a million", headers: ["correlation-id": .string(guess)]), to: address)
        }
        // One address serves all calls: a reply without an ID is nobody's.
        try await forger.reply(Message("a million"), to: address)
        let headers: Headers = ["correlation-id": .string(try #require(request.headers.correlationID))]
        try await honest.reply(Message("twelve", headers: headers), to: try #require(request.headers.replyTo))
        #expect(try await balance.text == "twelve")
        #expect(caller.statistics.lateReplies == guesses.count + 1)
    }

    @Test func aReplyCountsOnlyAtItsCallsAddress() throws {
        let calls = CallTable()
        let call = PendingCall(countLate: {})
        try calls.register(call, id: "1", address: "mine", isOwn: true)
        calls.receive(Message("elsewhere", headers: ["correlation-id": "1"]), at: "other")
        calls.receive(Message("elsewhere"), at: "other")
        #expect(calls.lateReplies == 2)
        calls.receive(Message("here"), at: "mine")
        #expect(calls.lateReplies == 2)
        calls.remove(id: "1")
        calls.receive(Message("late"), at: "mine")
        #expect(calls.lateReplies == 3)
        try calls.register(call, id: "2", address: "shared", isOwn: false)
        calls.receive(Message("anybody's"), at: "shared")
        #expect(calls.lateReplies == 4)
    }

    /// Cancellations that come before their requests are kept; those of IDs that nobody has are not kept without bound.
    @Test func whatIsCancelledEarlyIsBoundedInNumberAndBytes() {
        let delivery = Delivery(topic: "q", message: Message())
        let inFlight = RequestsInFlight()
        let long = String(repeating: "x", count: 1 << 20)
        inFlight.cancel(long)
        #expect(!inFlight.wasCancelled(long), "an ID of that size is nobody's")
        for number in 0..<5_000 { inFlight.cancel("\(number)") }
        #expect(!inFlight.wasCancelled("0"))
        #expect(inFlight.wasCancelled("4999"))
        // One that is at work is cancelled by whatever ID it has.
        #expect(inFlight.claim(long, replyTo: "a", delivery))
        inFlight.cancel(long)
        #expect(!inFlight.end(long, replyTo: "a").isAwaited)
    }

    @Test func twoStreamsOfOneIDDoNotShareTheirCredit() async throws {
        let broker = MemoryBroker()
        let (peer, server) = (try await broker.connect(name: "peer"), try await broker.connect(name: "server"))
        let count = StreamingRPC<Int, Int>("ops.count")
        try await withBackground {
            try await server.respond(to: count) { limit, writer in
                for number in 0..<limit { try await writer.write(number) }
            }
        } _: {
            await broker.waitForConsumers(of: "ops.count")
            // Two readers with addresses of their own use the same ID.
            var controls: [(address: String, id: String)] = []
            let received = [Shared<[Message]>([]), Shared<[Message]>([])]
            var readers: [MemoryConnection] = []
            for index in 0..<2 {
                let reader = try await broker.connect(name: "reader\(index)")
                readers.append(reader)
                let address = try await reader.openReplyAddress { reply, _ in
                    received[index].withLock { $0.append(reply) }
                }.address(for: "same")
                let headers: Headers = [
                    "correlation-id": "same", "reply-to": .string(address), "timeout": 60_000, "stream-credit": 1,
                ]
                try await peer.send(Message("10", headers: headers), to: "ops.count")
                await until { received[index].withLock { $0.count } == 2 }
                let opening = received[index].withLock { $0[0] }.headers
                controls.append((try #require(opening.replyTo), try #require(opening["stream-credit-id"]?.string)))
            }
            #expect(controls[0].id != controls[1].id)
            let grant: Headers = ["correlation-id": .string(controls[0].id), "stream-credit": 3]
            try await peer.reply(Message(headers: grant), to: controls[0].address)
            // What every peer can tell from the request grants nothing.
            let forged: Headers = ["correlation-id": "same-credit", "stream-credit": 10]
            try await peer.reply(Message(headers: forged), to: controls[1].address)
            await until { received[0].withLock { $0.count } == 4 }
            for _ in 0..<100 { await Task.yield() }
            #expect(received[0].withLock { $0.count } == 4)
            #expect(received[1].withLock { $0.count } == 2)
            withExtendedLifetime(readers) {}
        }
    }
}
