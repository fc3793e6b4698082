import Foundation
import IntegrationSupport
import Martlet
import MartletTesting
import Synchronization
import Testing

@testable import MartletRelay

@Suite(.timeLimit(.minutes(10))) struct EventSourceTests {
    private let soon = SourceOptions(retry: Backoff(initial: .milliseconds(1), maximum: .milliseconds(5)))

    private func source(_ server: WebServer, _ options: EventSourceOptions? = nil) throws -> SourceConnection<
        EventSource
    > {
        var options = options ?? EventSourceOptions()
        options.reconnectionTime = .milliseconds(5)
        return SourceConnection(try EventSource(server.url + "/events?a=b", options: options), options: soon)
    }

    /// A server that dies in the midst of an event, again and again: each event comes once.
    @Test func eachEventComesOnceThoughTheServerDies() async throws {
        let count = 10_000
        try await WebServer.withServer { request, reply in
            #expect(request.headers["accept"] == "text/event-stream")
            let last = request.headers["last-event-id"].flatMap { Int($0) } ?? 0
            try await reply.beginEvents()
            var text = "retry: 2\n\n"
            for number in last + 1..<min(count, last + 250) + 1 {
                text += ": beat\nid: \(number)\nevent: n\ndata: \(number)\n\n"
            }
            // The last one is not whole.
            try await reply.write(text + "id: \(last + 251)\ndata: \(last + 251)\n")
            throw HangUp()
        } _: { server in
            let connection = try source(server)
            let subscription = try await connection.subscribe(to: "n")
            for number in 1...count {
                let delivery = try #require(try await subscription.next())
                #expect(delivery.message.text == "\(number)")
            }
            await connection.close()
        }
    }

    @Test func an204IsTheEnd() async throws {
        let requests = Mutex(0)
        try await WebServer.withServer { request, reply in
            let number = requests.withLock { number in
                number += 1
                return number
            }
            if number > 1 { return try await reply.answer(204) }
            try await reply.beginEvents()
            try await reply.write("data: a\n\n")
            throw HangUp()
        } _: { server in
            let connection = try source(server)
            let subscription = try await connection.subscribe(to: "#")
            #expect(try await subscription.next()?.message.text == "a")
            #expect(try await subscription.next() == nil)
            await connection.close()
        }
    }

    @Test(arguments: [400, 401, 403, 404, 410, 301]) func whatTimeDoesNotMendFails(_ status: Int) async throws {
        try await WebServer.withServer { _, reply in
            try await reply.answer(status, "no")
        } _: { server in
            let connection = try source(server)
            let subscription = try await connection.subscribe(to: "#")
            await #expect { _ = try await subscription.next() } throws: { error in
                (error as? MessagingError)?.code == .refused && "\(error)".contains("\(status)")
                    && !"\(error)".contains("a=b")
            }
            await connection.close()
        }
    }

    @Test func aPageIsNoStream() async throws {
        try await WebServer.withServer { _, reply in
            try await reply.answer(200, "<html>", ["content-type": "text/html"])
        } _: { server in
            let connection = try source(server)
            let subscription = try await connection.subscribe(to: "#")
            #expect(await errorCode { _ = try await subscription.next() } == .refused)
            await connection.close()
        }
    }

    @Test(arguments: [408, 429, 500, 502, 503]) func whatPassesIsWaitedFor(_ status: Int) async throws {
        let requests = Mutex(0)
        try await WebServer.withServer { _, reply in
            let number = requests.withLock { number in
                number += 1
                return number
            }
            if number < 3 { return try await reply.answer(status, "", ["retry-after": "0"]) }
            try await reply.beginEvents()
            try await reply.write("data: a\n\n")
            try await Task.sleep(for: .seconds(600))
        } _: { server in
            let connection = try source(server)
            let subscription = try await connection.subscribe(to: "#")
            #expect(try await subscription.next()?.message.text == "a")
            #expect(connection.statistics.linkFailures == 2)
            #expect(connection.state == .connected)
            await connection.close()
        }
    }

    @Test func theServerSaysWhenItIsAskedAgain() async throws {
        let clock = TestClock()
        try await WebServer.withServer { _, reply in
            try await reply.beginEvents()
            try await reply.write("retry: 40000\ndata: a\n\n")
            throw HangUp()
        } _: { server in
            let connection = SourceConnection(
                try EventSource(server.url),
                options: soon,
                connection: ConnectionOptions(clock: clock)
            )
            let subscription = try await connection.subscribe(to: "#")
            #expect(try await subscription.next()?.message.text == "a")
            try await clock.waitForSleepers()
            #expect(clock.deadlines.map { clock.now.duration(to: $0) } == [.seconds(40)])
            clock.advance(by: .seconds(40))
            #expect(try await subscription.next()?.message.text == "a")
            await connection.close()
        }
    }

    /// Streams that end before they have brought an event are asked for again from the same place.
    @Test func aStreamWithoutAnEventDoesNotLoseThePlace() async throws {
        let file = try TemporaryFolder("events").path("positions.json")
        let durable = SubscribeOptions(durableName: "a")
        let ids = Mutex<[String?]>([])
        try await WebServer.withServer { request, reply in
            let number = ids.withLock { ids in
                ids.append(request.headers["last-event-id"])
                return ids.count
            }
            try await reply.beginEvents()
            try await reply.write(number == 1 ? "id: 5\ndata: a\n\n" : number == 4 ? "data: b\n\n" : ":\n\n")
            if number == 1 || number == 4 { try await Task.sleep(for: .seconds(600)) }
            throw HangUp()
        } _: { server in
            for text in ["a", "b"] {
                let connection = SourceConnection(
                    try EventSource(server.url, options: EventSourceOptions(reconnectionTime: .milliseconds(5))),
                    options: SourceOptions(positionFile: file, retry: soon.retry)
                )
                let subscription = try await connection.subscribe(to: "#", options: durable)
                let delivery = try #require(try await subscription.next())
                #expect(delivery.message.text == text)
                try delivery.ack()
                await connection.close()
            }
            #expect(ids.withLock { $0 } == [nil, "5", "5", "5"])
        }
    }

    @Test func silenceIsALostStream() async throws {
        let requests = Mutex(0)
        try await WebServer.withServer { _, reply in
            requests.withLock { $0 += 1 }
            try await reply.beginEvents()
            try await reply.write(":\n\n")
            try await Task.sleep(for: .seconds(600))
        } _: { server in
            var options = EventSourceOptions()
            options.web.timeout = .milliseconds(50)
            let connection = try source(server, options)
            let subscription = try await connection.subscribe(to: "#")
            try await until { requests.withLock { $0 } > 3 }
            #expect(connection.statistics.lastLinkFailure?.contains("timeout") == true)
            withExtendedLifetime(subscription) {}
            await connection.close()
        }
    }

    @Test func aServerThatIsNotThereIsWaitedFor() async throws {
        let reserved = try ReservedPort()
        let connection = SourceConnection(
            try EventSource(
                "http://127.0.0.1:\(reserved.number)/",
                options: EventSourceOptions(reconnectionTime: .milliseconds(5))
            ),
            options: soon
        )
        let subscription = try await connection.subscribe(to: "#")
        #expect(connection.state == .disconnected)
        try await WebServer.withServer(port: reserved.number) { _, reply in
            try await reply.beginEvents()
            try await reply.write("data: a\n\n")
            try await Task.sleep(for: .seconds(600))
        } _: { _ in
            let text = try await subscription.next()?.message.text
            #expect(text == "a")
        }
        await connection.close()
    }

    @Test func anIDWithoutAnEventIsKept() async throws {
        let ids = Mutex<[String?]>([])
        try await WebServer.withServer { request, reply in
            ids.withLock { $0.append(request.headers["last-event-id"]) }
            let isFirst = request.headers["last-event-id"] == nil
            try await reply.beginEvents()
            try await reply.write(isFirst ? "id: 1\ndata: a\n\nid: 2\n\n" : "id\ndata: b\n\n")
            throw HangUp()
        } _: { server in
            let connection = try source(server)
            let subscription = try await connection.subscribe(to: "#")
            for text in ["a", "b", "a"] { #expect(try await subscription.next()?.message.text == text) }
            #expect(ids.withLock { $0.prefix(3) } == [nil, "2", nil])
            await connection.close()
        }
    }

    /// The stream goes on, though from where the server likes.
    @Test(arguments: ["\u{1}", "a\u{7F}", "a\u{1B}b"])
    func anIDThatHTTPHasNoPlaceForIsNotSent(_ id: String) async throws {
        let ids = Mutex<[String?]>([])
        try await WebServer.withServer { request, reply in
            let number = ids.withLock { ids in
                ids.append(request.headers["last-event-id"])
                return ids.count
            }
            try await reply.beginEvents()
            try await reply.write(number == 1 ? "id: \(id)\ndata: a\n\n" : "id: c\u{9}1\ndata: b\n\n")
            throw HangUp()
        } _: { server in
            let connection = try source(server)
            let subscription = try await connection.subscribe(to: "#")
            let texts = ["a", "b", "b"]
            for text in texts { #expect(try await subscription.next()?.message.text == text) }
            #expect(ids.withLock { $0.prefix(3) } == [nil, nil, "c\u{9}1"])
            await connection.close()
        }
    }

    @Test func whatIsTooLargeIsCounted() async throws {
        try await WebServer.withServer { _, reply in
            try await reply.beginEvents()
            try await reply.write("data: " + String(repeating: "x", count: 100_000) + "\n\ndata: a\n\n")
            try await Task.sleep(for: .seconds(600))
        } _: { server in
            let connection = try source(server, EventSourceOptions(maximumEventBytes: 1_000))
            let subscription = try await connection.subscribe(to: "#")
            #expect(try await subscription.next()?.message.text == "a")
            #expect(connection.statistics.undecodable == 1)
            await connection.close()
        }
    }

    /// How many bytes the system keeps for a connection at most, on both sides.
    private static var systemBuffers: Int {
        ["rmem", "wmem"].map { name in
            let limits = try? String(contentsOfFile: "/proc/sys/net/ipv4/tcp_\(name)", encoding: .utf8)
            return limits?.split(whereSeparator: \.isWhitespace).last.flatMap { Int($0) } ?? 8 << 20
        }
        .reduce(0, +)
    }

    /// A reader that is slow has the server wait: no more is read than is wanted.
    @Test func aSlowReaderSlowsTheServer() async throws {
        let written = Mutex(0)
        try await WebServer.withServer { _, reply in
            try await reply.beginEvents()
            let event = "data: " + String(repeating: "x", count: 10_000) + "\n\n"
            while true {
                try await reply.write(event)
                written.withLock { $0 += event.utf8.count }
            }
        } _: { server in
            let connection = try source(server)
            let subscription = try await connection.subscribe(to: "#", options: SubscribeOptions(limit: 2))
            _ = try await subscription.next()
            var last = -1
            while written.withLock({ $0 }) != last {
                last = written.withLock { $0 }
                try await Task.sleep(for: .milliseconds(300))
            }
            // What the system keeps for a connection, on both sides, and a little of the programs' own.
            #expect(last < Self.systemBuffers + (8 << 20))
            await connection.close()
        }
    }

    @Test func headersAreSentAndNotShown() async throws {
        try await WebServer.withServer { request, reply in
            #expect(request.headers["authorization"] == "Bearer s3sam3")
            try await reply.answer(403)
        } _: { server in
            let options = EventSourceOptions(headers: ["authorization": "Bearer s3sam3"])
            #expect(!"\(options)".contains("s3sam3"))
            let connection = try source(server, options)
            let subscription = try await connection.subscribe(to: "#")
            await #expect { _ = try await subscription.next() } throws: { !"\($0)".contains("s3sam3") }
            await connection.close()
        }
    }

    @Test(arguments: [
        "ftp://a", "http:/a", "http://", "https://a b", "http://u:p@h/", "http://h:0/", "http://h:x/", "h",
        "https://\u{e9}",
    ]) func whatIsNoURLIsSaid(_ url: String) {
        #expect(throws: MessagingError.self) { try EventSource(url) }
        do { _ = try EventSource(url) } catch { #expect(!"\(error)".contains("u:p")) }
    }

    @Test func whatTLSHereCanNotIsSaidAtTheStart() {
        for options in [
            TLSOptions(trust: .folder("/etc/ssl")), TLSOptions(serverName: "x"),
            TLSOptions(cipherSuites: "TLS_AES_128_GCM_SHA256"),
            TLSOptions(trust: .file("/nowhere")),
        ] {
            #expect(throws: MessagingError.self) {
                try EventSource("https://localhost", options: EventSourceOptions(web: WebOptions(tls: options)))
            }
        }
    }

    // MARK: In a service

    private struct Reading: Codable, Sendable, Equatable { var value: Int }

    @Test func aServiceFollowsEvents() async throws {
        let file = try TemporaryFolder("events").path("positions.json")
        let ids = Mutex<[String?]>([])
        let seen = Mutex<[Int]>([])
        try await WebServer.withServer { request, reply in
            ids.withLock { $0.append(request.headers["last-event-id"]) }
            let last = request.headers["last-event-id"].flatMap { Int($0) } ?? 0
            try await reply.beginEvents()
            for number in last + 1..<last + 4 {
                try await reply.write("id: \(number)\ndata: {\"value\": \(number)}\n\n")
            }
            try await reply.write("data: no JSON\n\ndata:\n\n")
            try await Task.sleep(for: .seconds(600))
        } _: { server in
            for run in 1...2 {
                let broker = MemoryBroker()
                let connection = try await broker.connect()
                let node = Node("follower", on: connection) {
                    FollowEvents(server.url, of: Reading.self, positionFile: file) { reading in
                        seen.withLock { $0.append(reading.value) }
                    }
                }
                try await node.whileRunning {
                    try await until {
                        seen.withLock { $0.count } == 3 * run && node.health.components[0].handlerErrors == 1
                    }
                }
            }
            #expect(seen.withLock { $0 } == [1, 2, 3, 4, 5, 6])
            #expect(ids.withLock { $0 } == [nil, "3"])
        }
    }

    @Test(arguments: [HandlerErrorPolicy.skip, .fail])
    func anEventWhoseHandlerIsBrokenOffComesAgain(_ policy: HandlerErrorPolicy) async throws {
        let file = try TemporaryFolder("events").path("positions.json")
        let seen = Mutex<[Int]>([])
        try await WebServer.withServer { request, reply in
            let last = request.headers["last-event-id"].flatMap { Int($0) } ?? 0
            try await reply.beginEvents()
            for number in last + 1..<4 { try await reply.write("id: \(number)\ndata: {\"value\": \(number)}\n\n") }
            try await Task.sleep(for: .seconds(600))
        } _: { server in
            for run in 1...2 {
                let broker = MemoryBroker()
                let connection = try await broker.connect()
                let node = Node("follower", on: connection) {
                    FollowEvents(server.url, of: Reading.self, positionFile: file, onHandlerError: policy) { reading in
                        seen.withLock { $0.append(reading.value) }
                        guard run == 1, reading.value == 2 else { return }
                        _ = try await untilShutdown { try await Task.sleep(for: .seconds(600)) }
                        throw CancellationError()
                    }
                }
                try await node.whileRunning { try await until { seen.withLock { $0.last } == run + 1 } }
                #expect(node.health.components.map(\.handlerErrors) == [0])
                #expect(node.health.components.map(\.state) == [.ended])
            }
            #expect(seen.withLock { $0 } == [1, 2, 2, 3])
        }
    }
}
