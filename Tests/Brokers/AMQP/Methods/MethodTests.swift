import IntegrationSupport
import Martlet
import MartletAMQP
import MartletTesting
import Synchronization
import Testing

/// Methods by way of exchanges, on a real RabbitMQ.
@Suite(.timeLimit(.minutes(10))) struct MethodTests {
    struct Pair: Codable, Sendable {
        var a: Int
        var b: Int
    }

    struct Letters: Codable, Sendable {
        var count: Int
    }

    private func serving(
        _ style: MethodStyle,
        _ body: @escaping @Sendable (AMQPConnection, String) async throws -> Void
    ) async throws {
        try await withAMQP(port: try await RabbitMQServer.shared().port) {
            (connection: AMQPConnection) async throws -> Void in
            let service = unique("svc")
            let node = Node("methods-\(service)", on: connection) {
                ServeMethods(of: service, on: connection, style: style, concurrency: 4) {
                    Method("add") { (pair: Pair) in pair.a + pair.b }
                    Method("caf\u{E9}") { (_: NoArguments) in 1 }
                    Method("cafe\u{301}") { (_: NoArguments) in 2 }
                    Method("\u{301}") { (_: NoArguments) in 3 }
                    Method("nothing") { (_: NoArguments) in }
                    Method("fail") { (_: NoArguments) -> Int in throw MessagingError("too-warm", "it is too warm") }
                    Method("slow") { (_: NoArguments) in
                        try await Task.sleep(for: .seconds(60))
                        return 1
                    }
                    if style == .farine {
                        StreamMethod("letters") { (letters: Letters, send: @Sendable (String) async throws -> Void) in
                            for number in 0..<letters.count { try await send("letter \(number)") }
                        }
                    }
                }
            }
            try await node.whileRunning { try await body(connection, service) }
        }
    }

    @Test(arguments: [MethodStyle.farine, .nameko]) func valuesComeBack(style: MethodStyle) async throws {
        try await serving(style) { (connection: AMQPConnection, service: String) async throws -> Void in
            let client = MethodClient(of: service, on: connection, style: style)
            #expect(try await client.call("add", Pair(a: 20, b: 22), returning: Int.self) == 42)
            #expect(try await client.call("add", ordered: [20, 22], returning: Int.self) == 42)
            // What Python takes for false is a value like any other.
            #expect(try await client.call("add", Pair(a: 1, b: -1), returning: Int.self) == 0)
            #expect(try await client.call("nothing", returning: Int?.self) == nil)
            // Many at a time, whose replies come as they like.
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        try await client.call("add", Pair(a: number, b: number), returning: Int.self) == 2 * number
                    }
                }
                for try await isRight in group { #expect(isRight) }
            }
            await client.close()
            #expect(
                await errorCode { _ = try await client.call("add", Pair(a: 1, b: 1), returning: Int.self) }
                    == .connectionClosed
            )
        }
    }

    /// On the wire they are other names, though Swift takes their texts for equal, or for other characters.
    @Test(arguments: [MethodStyle.farine, .nameko]) func namesAreComparedByTheirBytes(style: MethodStyle) async throws {
        try await serving(style) { (connection: AMQPConnection, service: String) async throws -> Void in
            let client = MethodClient(of: service, on: connection, style: style)
            #expect(try await client.call("caf\u{E9}", returning: Int.self) == 1)
            #expect(try await client.call("cafe\u{301}", returning: Int.self) == 2)
            #expect(try await client.call("\u{301}", returning: Int.self) == 3)
            await client.close()
        }
    }

    /// The first call opens what all of them need, and others come meanwhile; whoever gives up takes nothing from the rest.
    @Test func manyCallFirst() async throws {
        try await serving(.farine) { (connection: AMQPConnection, service: String) async throws -> Void in
            let client = MethodClient(of: service, on: connection, style: .farine, timeout: .seconds(300))
            try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        let call = Task { try await client.call("add", Pair(a: number, b: 0), returning: Int.self) }
                        if number.isMultiple(of: 5) { call.cancel() }
                        return (try? await call.value) ?? -1
                    }
                }
                var answers: Set<Int> = []
                for try await answer in group { answers.insert(answer) }
                let those = (0..<20).filter { !$0.isMultiple(of: 5) }
                #expect(answers.isSuperset(of: those), "\(answers)")
            }
            await client.close()
        }
    }

    @Test(arguments: [MethodStyle.farine, .nameko]) func errorsComeBack(style: MethodStyle) async throws {
        try await serving(style) { (connection: AMQPConnection, service: String) async throws -> Void in
            let client = MethodClient(of: service, on: connection, style: style, timeout: .seconds(30))
            let error = await #expect(throws: MessagingError.self) {
                try await client.call("fail", returning: Int.self)
            }
            #expect(error?.code == .handlerFailed)
            #expect(error?.message.contains("too-warm: it is too warm") ?? false, "\(error?.message ?? "")")
            let missing = await errorCode { _ = try await client.call("add", ["a": 1], returning: Int.self) }
            #expect(missing == (style == .nameko ? .invalidArgument : .handlerFailed))
            #expect(
                await errorCode { _ = try await client.call("add", Pair(a: 1, b: 1), returning: String.self) }
                    == .decodingFailed
            )
            let unknown = await errorCode { _ = try await client.call("unknown", returning: Int.self) }
            #expect(unknown == .noResponder)
            let nobody = MethodClient(of: "\(service)x", on: connection, style: style)
            #expect(await errorCode { _ = try await nobody.call("add", returning: Int.self) } == .noResponder)
            await nobody.close()
            let hasty = MethodClient(of: service, on: connection, style: style, timeout: .milliseconds(200))
            #expect(await errorCode { _ = try await hasty.call("slow", returning: Int.self) } == .timeout)
            await hasty.close()
            // Cancelled at once, with the reply still to come.
            let task = Task { try await client.call("slow", returning: Int.self) }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            let sum = try await client.call("add", Pair(a: 1, b: 1), returning: Int.self)
            #expect(sum == 2)
            await client.close()
        }
    }

    @Test func streamsComeWhole() async throws {
        try await serving(.farine) { (connection: AMQPConnection, service: String) async throws -> Void in
            let client = MethodClient(of: service, on: connection, style: .farine)
            var letters: [String] = []
            // More than are fetched ahead.
            for try await letter in try await client.stream("letters", Letters(count: 300), returning: String.self) {
                letters.append(letter)
            }
            #expect(letters == (0..<300).map { "letter \($0)" })
            var none = 0
            for try await _ in try await client.stream("letters", Letters(count: 0), returning: String.self) {
                none += 1
            }
            #expect(none == 0)
            #expect(try await client.call("letters", Letters(count: 3), returning: String.self) == "letter 0")
            let hasty = MethodClient(of: service, on: connection, style: .farine, timeout: .milliseconds(200))
            let code = await errorCode { for try await _ in try await hasty.stream("slow", returning: Int.self) {} }
            #expect(code == .timeout)
            await hasty.close()
            await client.close()
        }
    }

    /// A loop, messages of an exchange and methods, of which no two work at the same time.
    @Test(arguments: [MethodStyle.farine, .nameko]) func theyTakeTurns(style: MethodStyle) async throws {
        try await withAMQP(port: try await RabbitMQServer.shared().port) {
            (connection: AMQPConnection) async throws -> Void in
            let service = unique("svc")
            let atWork = Mutex((now: 0, most: 0, times: [String: Int]()))
            @Sendable func work(_ kind: String) async {
                atWork.withLock {
                    $0.now += 1
                    $0.most = max($0.most, $0.now)
                    $0.times[kind, default: 0] += 1
                }
                for _ in 0..<5 { await Task.yield() }
                atWork.withLock { $0.now -= 1 }
            }
            let node = Node("turns-\(service)", on: connection) {
                Consecutive {
                    Every(.milliseconds(1)) { await work("loop") }
                    ConsumeExchange("\(service)-in", key: service, on: connection) { (_: Pair) in await work("message")
                    }
                    ServeMethods(of: service, on: connection, style: style, concurrency: 4) {
                        Method("add") { (pair: Pair) in
                            await work("call")
                            return pair.a + pair.b
                        }
                    }
                }
            }
            try await node.whileRunning {
                let client = MethodClient(of: service, on: connection, style: style, timeout: .seconds(300))
                let publish = ExchangePublisher(to: "\(service)-in", key: service, on: connection, of: Pair.self)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<50 {
                        group.addTask {
                            try await publish(Pair(a: number, b: 0))
                            let sum = try await client.call("add", Pair(a: number, b: 1), returning: Int.self)
                            #expect(sum == number + 1)
                        }
                    }
                    try await group.waitForAll()
                }
                try await until { atWork.withLock { $0.times["message"] == 50 && $0.times["loop"] != nil } }
                await client.close()
            }
            let figures = atWork.withLock { $0 }
            #expect(figures.most == 1)
            #expect(figures.times["call"] == 50)
        }
    }

    /// The program dies while it serves a request: another one serves it again.
    @Test(arguments: [MethodStyle.farine, .nameko]) func aRequestOutlivesItsServer(style: MethodStyle) async throws {
        let port = try await RabbitMQServer.shared().port
        try await withAMQP(port: port) { caller in
            let service = unique("svc")
            let begun = Promise<Void>()
            func node(_ connection: AMQPConnection, _ handler: @escaping @Sendable () async throws -> Int) -> Node {
                Node(unique("dies"), on: connection) {
                    ServeMethods(of: service, on: connection, style: style) {
                        Method("work") { (_: NoArguments) in try await handler() }
                    }
                }
            }
            let client = MethodClient(of: service, on: caller, style: style)
            let first = try await AMQPConnection.connect(AMQPOptions(servers: [.init(host: "127.0.0.1", port: port)]))
            let dying = Task {
                try await node(first) {
                    begun.end(.success(()))
                    try await Task.sleep(for: .seconds(60))
                    return 1
                }.run()
            }
            // Its queue is there once it runs.
            let call = Task {
                while true {
                    do {
                        return try await client.call("work", returning: Int.self)
                    } catch let error as MessagingError where error.code == .noResponder {
                        await Task.yield()
                    }
                }
            }
            try await begun.value()
            dying.cancel()
            _ = await dying.result
            await first.close()
            let second = node(caller) { 2 }
            let answer = try await second.whileRunning { try await call.value }
            #expect(answer == 2)
            await client.close()
        }
    }

    /// What the broker ends is opened again, and nothing else suffers.
    @Test(arguments: [MethodStyle.farine, .nameko]) func aQueueThatIsDeletedIsMadeAgain(
        style: MethodStyle
    ) async throws {
        try await withAMQP(port: try await RabbitMQServer.shared().port) {
            (connection: AMQPConnection) async throws -> Void in
            let service = unique("svc")
            let (seen, begun) = (Recorder<Int>(), Recorder<Void>())
            let node = Node("deleted-\(service)", on: connection) {
                ConsumeExchange("\(service)-in", key: service, on: connection) { (pair: Pair) in seen.record(pair.a) }
                ServeMethods(of: service, on: connection, style: style, concurrency: 2) {
                    Method("add") { (pair: Pair) in pair.a + pair.b }
                    Method("wait") { (_: NoArguments) in
                        begun.signal()
                        try await seen.wait { $0.contains(2) }
                        return seen.values.count
                    }
                }
            }
            try await node.whileRunning {
                let publish = ExchangePublisher(to: "\(service)-in", key: service, on: connection, of: Pair.self)
                let client = MethodClient(of: service, on: connection, style: style)
                try await publish(Pair(a: 1, b: 0))
                try await seen.wait(for: 1)
                async let inHand = client.call("wait", returning: Int.self)
                try await begun.wait(for: 1)
                let queues = style == .nameko ? ["rpc-\(service)"] : ["\(service)__add", "\(service)__wait"]
                for queue in queues + [service] { try await connection.deleteQueue(queue) }
                // What is published while there is no queue is nobody's.
                try await until {
                    try await publish(Pair(a: 2, b: 0))
                    return seen.values.contains(2)
                }
                let value = try await inHand
                #expect(value >= 2)
                var sum: Int?
                try await until {
                    do {
                        sum = try await client.call("add", Pair(a: 40, b: 2), returning: Int.self)
                        return true
                    } catch let error as MessagingError where error.code == .noResponder {
                        return false
                    }
                }
                #expect(sum == 42)
                await client.close()
                #expect(node.health.components.allSatisfy { $0.restarts == 0 && $0.handlerErrors == 0 })
                try await connection.deleteExchange("\(service)-in")
                for queue in queues + [service] { try await connection.deleteQueue(queue) }
            }
        }
    }

    /// The broker lacks memory, and hears nobody who publishes: calls end in time, and what has not been sent by then is not
    /// sent later.
    @Test func aCallEndsInTimeThoughTheBrokerTakesNothing() async throws {
        try await RabbitMQServer.withServer { server in
            try await withAMQP(port: server.port) { (provider: AMQPConnection) async throws -> Void in
                let served = Recorder<Int>()
                let node = Node("served", on: provider) {
                    ServeMethods(of: "served", on: provider, style: .farine) {
                        Method("note") { (pair: Pair) in served.record(pair.a) }
                    }
                }
                try await node.whileRunning {
                    try await withAMQP(port: server.port) { connection in
                        func client() -> MethodClient {
                            MethodClient(of: "served", on: connection, style: .farine, timeout: .seconds(2))
                        }
                        let (first, second) = (client(), client())
                        _ = try await first.call("note", Pair(a: 0, b: 0), returning: Int?.self)
                        try await server.control("set_vm_memory_high_watermark", "0")
                        // The broker may have the first one, and serves it later.
                        for number in 1...3 {
                            let code = await errorCode {
                                _ = try await first.call("note", Pair(a: number, b: 0), returning: Int?.self)
                            }
                            #expect(code == .timeout)
                        }
                        let code = await errorCode {
                            _ = try await second.call("note", Pair(a: 4, b: 0), returning: Int?.self)
                        }
                        #expect(code == .timeout)
                        let streamCode = await errorCode {
                            _ = try await second.stream("note", Pair(a: 5, b: 0), returning: Int?.self)
                        }
                        #expect(streamCode == .timeout)
                        try await server.control("set_vm_memory_high_watermark", "0.4")
                        try await until { connection.blockedReason == nil }
                        _ = try await first.call("note", Pair(a: 6, b: 0), returning: Int?.self)
                        #expect(Set(served.values).subtracting([1]) == [0, 6])
                        await first.close()
                        await second.close()
                    }
                }
            }
        }
    }

    /// A queue of replies is its client's, or its stream's, and goes with it: the next link has no more of it.
    @Test func queuesOfRepliesEndWithThoseWhoReadThem() async throws {
        try await RabbitMQServer.withServer { server in
            try await withAMQP(port: server.port) { (connection: AMQPConnection) async throws -> Void in
                let node = Node("letters", on: connection) {
                    ServeMethods(of: "letters", on: connection, style: .farine) {
                        StreamMethod("letters") { (_: NoArguments, send: @Sendable (String) async throws -> Void) in
                            for letter in ["a", "b", "c"] { try await send(letter) }
                        }
                    }
                }
                try await node.whileRunning {
                    let client = MethodClient(of: "letters", on: connection, style: .farine)
                    for number in 0..<6 {
                        var count = 0
                        for try await _ in try await client.stream("letters", returning: String.self) {
                            count += 1
                            // Some are not read to their end.
                            if number.isMultiple(of: 2) { break }
                        }
                        #expect(count == (number.isMultiple(of: 2) ? 1 : 3))
                    }
                    let closed = MethodClient(of: "letters", on: connection, style: .farine)
                    #expect(try await closed.call("letters", returning: String.self) == "a")
                    await closed.close()
                    #expect(try await client.call("letters", returning: String.self) == "a")
                    let failures = connection.statistics.linkFailures
                    try await server.control("close_all_connections", "over")
                    try await until { connection.statistics.linkFailures > failures }
                    try await until {
                        (try? await client.call("letters", returning: String.self)) == "a"
                    }
                    let queues = try await server.control("list_queues", "name", "exclusive", "consumers")
                    let own = queues.split(separator: "\n").filter { $0.contains("true") }
                    #expect(own.count == 1, "\(queues)")
                    await client.close()
                }
            }
        }
    }

    @Test func aServiceThatCantBeCarriedIsRefused() async throws {
        try await withAMQP(port: try await RabbitMQServer.shared().port) {
            (connection: AMQPConnection) async throws -> Void in
            func code(_ style: MethodStyle, _ concurrency: Int = 1, @MethodBuilder _ methods: () -> [ServedMethod])
                async -> MessagingError.Code?
            {
                let made = methods()
                return await errorCode {
                    try ServeMethods(of: "s", on: connection, style: style, concurrency: concurrency) { made }
                        .validate()
                }
            }
            #expect(
                await code(.nameko) {
                    StreamMethod("s") { (_: NoArguments, _: @Sendable (Int) async throws -> Void) in }
                } == .invalidArgument
            )
            #expect(await code(.farine, 0) { Method("m") { (_: NoArguments) in 1 } } == .invalidArgument)
            #expect(
                await code(.farine) {
                    Method("m") { (_: NoArguments) in 1 }
                    Method("m") { (_: NoArguments) in 2 }
                } == .invalidArgument
            )
            #expect(await code(.farine) {} == .invalidArgument)
        }
    }

    // MARK: Exchanges

    @Test func whatIsPublishedIsConsumed() async throws {
        try await withAMQP(port: try await RabbitMQServer.shared().port) {
            (connection: AMQPConnection) async throws -> Void in
            let exchange = unique("exchange")
            let seen = Mutex<[Int]>([])
            let (done, poisoned) = (Promise<Void>(), Promise<Void>())
            let node = Node("consumes-\(exchange)", on: connection) {
                ConsumeExchange(exchange, key: "\(exchange).key", on: connection) { (pair: Pair) in
                    let isSecond = seen.withLock { seen in
                        seen.append(pair.a)
                        return seen.count { $0 == pair.a } == 2
                    }
                    if pair.a == 7 {
                        if isSecond { poisoned.end(.success(())) }
                        throw MessagingError("no", "not this one")
                    }
                    if pair.a == 9 { done.end(.success(())) }
                }
            }
            try await node.whileRunning {
                let publish = ExchangePublisher(
                    to: exchange,
                    keys: ["\(exchange).key", "elsewhere"],
                    on: connection,
                    of: Pair.self
                )
                let wrong = ExchangePublisher(to: exchange, key: "\(exchange).key", on: connection, of: [Int].self)
                try await publish(Pair(a: 1, b: 0))
                try await wrong([1])
                try await publish(Pair(a: 7, b: 0))
                try await poisoned.value()
                try await publish(Pair(a: 9, b: 0))
                try await done.value()
            }
            // The one that is no such value is nobody's, and the one that can't be handled came twice.
            #expect(seen.withLock { $0 } == [1, 7, 7, 9])
            let other = ExchangePublisher(to: exchange, key: "k", kind: .topic, on: connection, of: Pair.self)
            #expect(await errorCode { try await other(Pair(a: 1, b: 1)) } == .refused)
            try await connection.deleteExchange(exchange)
            try await connection.deleteQueue("\(exchange).key")
        }
    }

    @Test func aHandlerMaySettleItsDelivery() async throws {
        try await withAMQP(port: try await RabbitMQServer.shared().port) {
            (connection: AMQPConnection) async throws -> Void in
            let exchange = unique("exchange")
            let seen = Mutex<[String]>([])
            let done = Promise<Void>()
            // One at a time, so that what goes back comes again before the next one.
            let node = Node("settles-\(exchange)", on: connection) {
                ConsumeExchange(exchange, key: "key", queue: exchange, prefetch: 1, on: connection) {
                    (pair: Pair, delivery) in
                    let id = delivery.message.properties.correlationID ?? "none"
                    let again = delivery.isRedelivered ? " again" : ""
                    seen.withLock { $0.append("\(pair.a) \(id) by \(delivery.routingKey)\(again)") }
                    switch pair.a {
                    case 1:
                        try delivery.ack()
                        #expect(await errorCode { try delivery.ack() } == .alreadySettled)
                        throw MessagingError("late", "it has been acknowledged, and so is not delivered again")
                    case 2: try delivery.nack(requeue: !delivery.isRedelivered)
                    case 3: try delivery.reject(requeue: false)
                    default: done.end(.success(()))
                    }
                }
            }
            try await node.whileRunning {
                try await connection.withChannel { channel in
                    for number in 1...4 {
                        let properties = AMQPProperties(correlationID: "c\(number)")
                        let message = AMQPMessage("{\"a\": \(number), \"b\": 0}", properties: properties)
                        try await channel.publish(message, to: exchange, routingKey: "key")
                    }
                }
                try await done.value()
                #expect(node.health.components.map(\.handlerErrors) == [1])
            }
            #expect(
                seen.withLock { $0 }
                    == ["1 c1 by key", "2 c2 by key", "2 c2 by key again", "3 c3 by key", "4 c4 by key"]
            )
            // The last one was acknowledged when its handler had returned.
            try await connection.withChannel { channel in
                let rest = try await channel.get(from: exchange)
                #expect(rest == nil)
            }
            try await connection.deleteExchange(exchange)
            try await connection.deleteQueue(exchange)
        }
    }

    /// None of the programs that had it has failed at it.
    @Test func whatShutdownBreaksOffGoesBack() async throws {
        try await withAMQP(port: try await RabbitMQServer.shared().port) {
            (connection: AMQPConnection) async throws -> Void in
            let exchange = unique("exchange")
            let publish = ExchangePublisher(to: exchange, key: "key", on: connection, of: Pair.self)
            for run in 1...2 {
                let begun = Promise<Void>()
                let node = Node("breaks-off-\(exchange)", on: connection) {
                    ConsumeExchange(exchange, key: "key", queue: exchange, on: connection) { (_: Pair) in
                        begun.end(.success(()))
                        _ = try await untilShutdown { try await Task.sleep(for: .seconds(600)) }
                        throw CancellationError()
                    }
                }
                try await node.whileRunning {
                    if run == 1 { try await publish(Pair(a: 1, b: 0)) }
                    try await begun.value()
                }
                #expect(node.health.components.map(\.handlerErrors) == [0])
                #expect(node.health.components.map(\.state) == [.ended])
            }
            try await connection.withChannel { channel in
                let rest = try await channel.get(from: exchange)
                #expect(rest != nil)
            }
            try await connection.deleteExchange(exchange)
            try await connection.deleteQueue(exchange)
        }
    }
}
