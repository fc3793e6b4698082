import BridgeSupport
import IntegrationSupport
import Martlet
import MartletAMQP
import MartletTesting
import Testing

/// A connection, and a bridge, that begin while their broker is away.
@Suite(.timeLimit(.minutes(10))) struct UnreachableTests {
    static let kinds: [BrokerKind] = [.mqtt, .amqp, .redis]

    @Test(arguments: kinds)
    func aConnectionThatMayBeginsWithoutALink(kind: BrokerKind) async throws {
        let queue = QueueName("late\(UInt64.random(in: 0...UInt64.max))")
        try await TCPProxy.withProxy(to: try await kind.port) { link in
            try await link.refuseConnections()
            #expect(await errorCode { _ = try await kind.connect(port: link.port) } != nil)
            let connection = try await kind.connect(port: link.port, whenUnreachable: .retry)
            #expect(connection.state == .connecting)
            let states = connection.states()
            #expect(await errorCode { _ = try await connection.consume(from: queue) } == .notConnected)
            #expect(
                await errorCode { try await connection.publish(Message("now"), to: TopicName("late")) } == .notConnected
            )
            // What is guaranteed waits for the link.
            async let code = errorCode { try await connection.send(Message("early"), to: queue) }
            try await link.acceptConnections()
            for await state in states where state == .connected { break }
            let jobs = try await connection.consume(from: queue)
            // On MQTT a queue keeps nothing, and its sender is told so.
            if await code != nil {
                #expect(await code == .noResponder && kind == .mqtt)
                try await connection.send(Message("early"), to: queue)
            }
            let job = try #require(try await jobs.next())
            #expect(job.message.text == "early")
            try job.ack()
            await connection.close()
        }
    }

    @Test(arguments: kinds)
    func itCanBeClosedAndLeftBeforeItHadALink(kind: BrokerKind) async throws {
        try await TCPProxy.withProxy(to: try await kind.port) { link in
            try await link.refuseConnections()
            let closed = try await kind.connect(port: link.port, whenUnreachable: .retry)
            async let code = errorCode { try await closed.send(Message("kept"), to: "late.closed") }
            await closed.close()
            #expect(closed.state == .closed)
            let told = await code
            #expect(told == .connectionClosed)
            let states = try await kind.connect(port: link.port, whenUnreachable: .retry).states()
            // The one that nobody holds any more ends, and its attempts with it.
            #expect(await states.reduce(into: []) { $0.append($1) } == [.connecting, .closed])
        }
    }

    /// Time does not mend a wrong password.
    @Test func aBrokerThatRefusesIsAnErrorAtOnce() async throws {
        let url = "amqp://guest:wrong@127.0.0.1:\(try await BrokerKind.amqp.port)"
        let options = ConnectionOptions(whenUnreachable: .retry)
        #expect(await errorCode { _ = try await AMQPConnection.connect(to: url, connection: options) } == .refused)
    }

    /// What stores takes in what comes at once; what listens at the sink begins when there is one.
    @Test(arguments: kinds)
    func aBridgeBeginsWhileItsSinkIsAway(kind: BrokerKind) async throws {
        let folder = try TemporaryFolder("store")
        defer { folder.remove() }
        let name = "late\(UInt64.random(in: 0...UInt64.max))"
        let (source, reader) = (try await BrokerKind.embedded.connect(), try await kind.connect())
        let heard = try await reader.subscribe(to: TopicPattern("\(name).#"))
        try await TCPProxy.withProxy(to: try await kind.port) { link in
            try await link.refuseConnections()
            let sink = try await kind.connect(port: link.port, whenUnreachable: .retry)
            let storing = Bridge(from: source, to: sink, name: name) {
                Forward(TopicPattern("\(name).#"), options: RouteOptions(store: StoreOptions(folder: folder.path)))
                ForwardCalls(QueueName("call.\(name)"))
            }
            let listening = Bridge(from: source, to: sink, name: "\(name)-actions") {
                ForwardActions(QueueName("action.\(name)"))
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for bridge in [storing, listening] {
                    group.addTask { do { try await bridge.run() } catch is CancellationError {} }
                }
                try await storing.waitUntilReady(within: .seconds(60))
                for number in 0..<100 {
                    try await source.publish(Message("\(number)"), to: TopicName("\(name).a"))
                }
                try await until { storing.reports[0].statistics.stored == 100 }
                #expect(await errorCode { try await listening.waitUntilReady(within: .zero) } == .timeout)
                #expect(sink.state == .connecting)
                try await link.acceptConnections()
                for number in 0..<100 {
                    let delivery = try #require(try await heard.next())
                    #expect(delivery.message.text == "\(number)")
                }
                try await listening.waitUntilReady(within: .seconds(60))
                group.cancelAll()
            }
            await sink.close()
        }
        for connection in [source, reader] { await connection.close() }
    }

    /// Its routes begin with the link.
    @Test(arguments: kinds)
    func aBridgeBeginsWhileItsSourceIsAway(kind: BrokerKind) async throws {
        let name = "late\(UInt64.random(in: 0...UInt64.max))"
        let (writer, sink) = (try await kind.connect(), try await BrokerKind.embedded.connect())
        let heard = try await sink.subscribe(to: TopicPattern("\(name).#"))
        try await TCPProxy.withProxy(to: try await kind.port) { link in
            try await link.refuseConnections()
            let source = try await kind.connect(port: link.port, whenUnreachable: .retry)
            let bridge = Bridge(from: source, to: sink, name: name) { Forward(TopicPattern("\(name).#")) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { do { try await bridge.run() } catch is CancellationError {} }
                #expect(await errorCode { try await bridge.waitUntilReady(within: .milliseconds(50)) } == .timeout)
                try await link.acceptConnections()
                try await bridge.waitUntilReady(within: .seconds(60))
                try await writer.publish(Message("first"), to: TopicName("\(name).a"))
                let delivery = try #require(try await heard.next())
                #expect(delivery.message.text == "first")
                group.cancelAll()
            }
            await source.close()
        }
        for connection in [writer, sink] { await connection.close() }
    }

    /// The source's link is enough for a route that stores.
    @Test func aBridgeBeginsWhileBothAreAway() async throws {
        let folder = try TemporaryFolder("store")
        defer { folder.remove() }
        let name = "late\(UInt64.random(in: 0...UInt64.max))"
        let (writer, reader) = (try await BrokerKind.mqtt.connect(), try await BrokerKind.redis.connect())
        let heard = try await reader.subscribe(to: TopicPattern("\(name).#"))
        try await TCPProxy.withProxy(to: try await BrokerKind.mqtt.port) { near in
            try await near.refuseConnections()
            let source = try await BrokerKind.mqtt.connect(port: near.port, whenUnreachable: .retry)
            try await TCPProxy.withProxy(to: try await BrokerKind.redis.port) { far in
                try await far.refuseConnections()
                let sink = try await BrokerKind.redis.connect(port: far.port, whenUnreachable: .retry)
                let bridge = Bridge(from: source, to: sink, name: name) {
                    Forward(TopicPattern("\(name).#"), options: RouteOptions(store: StoreOptions(folder: folder.path)))
                }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { do { try await bridge.run() } catch is CancellationError {} }
                    #expect(await errorCode { try await bridge.waitUntilReady(within: .milliseconds(50)) } == .timeout)
                    try await near.acceptConnections()
                    try await bridge.waitUntilReady(within: .seconds(60))
                    try await writer.publish(Message("first"), to: TopicName("\(name).a"))
                    try await until { bridge.reports[0].statistics.stored == 1 }
                    #expect(sink.state == .connecting)
                    try await far.acceptConnections()
                    let delivery = try #require(try await heard.next())
                    #expect(delivery.message.text == "first")
                    group.cancelAll()
                }
                await sink.close()
            }
            await source.close()
        }
        for connection in [writer, reader] { await connection.close() }
    }
}
