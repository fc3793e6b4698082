import IntegrationSupport
import Martlet
import MartletAMQP
import Testing

/// Clients of another library (pika, in Python) read what Martlet writes, and the other way round.
@Suite(.timeLimit(.minutes(10))) struct PikaTests {
    @Test func propertiesAndTablesSurvivePika() async throws {
        let port = try await RabbitMQServer.shared().port
        try await withAMQP(port: port) { broker in
            let there = AMQPQueue(unique("there"), isAutoDeleted: true)
            let back = AMQPQueue(unique("back"), isExclusive: true)
            try await broker.declare(there)
            try await broker.declare(back)
            let channel = try await broker.openChannel()
            var random = RandomProperties(seed: 77)
            let sent = (0..<300).map { _ in
                var properties = random.next()
                properties.headers = properties.headers?.readableByPika
                return properties
            }
            let queues: [String: JSON] = ["source": .string(there.name), "target": .string(back.name)]
            try await withPeer("pika_echo", port, queues) { peer in
                try await peer.next("ready")
                for properties in sent {
                    try await channel.publish(AMQPMessage("é", properties: properties), routingKey: there.name)
                }
                let consumer = try await channel.consume(from: back.name)
                for properties in sent {
                    let delivery = try #require(try await consumer.next())
                    try delivery.ack()
                    var expected = properties
                    expected.headers = properties.headers?.writtenByPika
                    #expect(delivery.message.properties == expected)
                    #expect(delivery.message.body == Array("é".utf8))
                }
            }
        }
    }

    @Test func whatPikaWritesIsRead() async throws {
        let port = try await RabbitMQServer.shared().port
        try await withAMQP(port: port) { broker in
            let queue = AMQPQueue(unique("from-pika"), isAutoDeleted: true)
            try await broker.declare(queue)
            let channel = try await broker.openChannel()
            let consumer = try await channel.consume(from: queue.name)
            let arguments: [String: JSON] = ["target": .string(queue.name)]
            try await withPeer("pika_write_properties", port, arguments) { try await $0.next("sent") }
            let delivery = try #require(try await consumer.next())
            try delivery.ack()
            let expected = AMQPProperties(
                contentType: "text/plain",
                contentEncoding: "utf8",
                headers: [
                    "text": "café",
                    "bytes": .bytes([0, 255]),
                    "yes": true,
                    "no": false,
                    "small": .int32(-5),
                    "large": .int64(1 << 40),
                    "decimal": .decimal(scale: 2, value: 1_234),
                    "time": .timestamp(1_767_323_045),
                    "nothing": .void,
                    "list": .array([.int32(1), "two", .array([.void]), .table(["three": .int32(3)])]),
                    "table": .table(["inner": .table(["innermost": "x"]), "empty": .table([:])]),
                ],
                deliveryMode: 2,
                priority: 7,
                correlationID: "correlation",
                replyTo: "reply",
                expiration: "60000",
                messageID: "message",
                timestamp: 1_700_000_000,
                type: "type",
                userID: "guest",
                appID: "app",
                clusterID: "cluster"
            )
            #expect(delivery.message == AMQPMessage("café", properties: expected))
        }
    }

    @Test func pikaReadsEveryType() async throws {
        let port = try await RabbitMQServer.shared().port
        try await withAMQP(port: port) { broker in
            let queue = AMQPQueue(unique("to-pika"), isAutoDeleted: true)
            try await broker.declare(queue)
            let channel = try await broker.openChannel()
            let properties = AMQPProperties(
                contentType: "text/plain",
                contentEncoding: "utf8",
                headers: [
                    "boolean": true,
                    "int8": .int8(-8),
                    "uint8": .uint8(200),
                    "int16": .int16(-16_000),
                    "uint16": .uint16(60_000),
                    "int32": .int32(-2_000_000_000),
                    "uint32": .uint32(4_000_000_000),
                    "int64": .int64(-1 << 60),
                    "uint64": .uint64(1 << 60),
                    "float": .float(2),
                    "double": .double(-3),
                    "decimal": .decimal(scale: 3, value: 1_234),
                    "string": "café",
                    "bytes": .bytes([0, 255]),
                    "timestamp": .timestamp(1_767_323_045),
                    "array": .array([.int8(1), "two", .array([.void])]),
                    "table": .table(["b": .table(["c": "x"]), "a": .table([:])]),
                    "void": .void,
                ],
                deliveryMode: 1,
                priority: 0,
                correlationID: "correlation",
                replyTo: "reply",
                expiration: "60000",
                messageID: "message",
                timestamp: 1_700_000_000,
                type: "type",
                userID: "guest",
                appID: "app",
                clusterID: "cluster"
            )
            try await channel.publish(AMQPMessage("café", properties: properties), routingKey: queue.name)
            try await channel.publish(AMQPMessage(), routingKey: queue.name)
            let arguments: [String: JSON] = ["source": .string(queue.name)]
            let (full, empty) = try await withPeer("pika_read_properties", port, arguments) { peer in
                (try await peer.next("message"), try await peer.next("message"))
            }
            #expect(full["body"] == #"b'caf\xc3\xa9'"#)
            #expect(
                full["properties"] == [
                    "content_type": "'text/plain'", "content_encoding": "'utf8'", "delivery_mode": "1",
                    "priority": "0", "correlation_id": "'correlation'", "reply_to": "'reply'",
                    "expiration": "'60000'", "message_id": "'message'", "timestamp": "1700000000", "type": "'type'",
                    "user_id": "'guest'", "app_id": "'app'", "cluster_id": "'cluster'",
                ]
            )
            #expect(
                full["headers"] == [
                    "boolean": "True", "int8": "-8", "uint8": "200", "int16": "-16000", "uint16": "60000",
                    "int32": "-2000000000", "uint32": "4000000000", "int64": "-1152921504606846976L",
                    "uint64": "1152921504606846976L", "float": "2L", "double": "-3L", "decimal": "Decimal('1.234')",
                    "string": "'café'", "bytes": #"b'\x00\xff'"#,
                    "timestamp": "datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)",
                    "array": "[1, 'two', [None]]", "table": "{'a': {}, 'b': {'c': 'x'}}", "void": "None",
                ]
            )
            #expect(empty["body"] == "b''")
            #expect(empty["properties"] == [:] && empty["headers"] == .null)
        }
    }

    @Test func pikaTakesWork() async throws {
        let port = try await RabbitMQServer.shared().port
        try await withAMQP(port: port) { broker in
            let name = unique("work")
            let queue = QueueName(name)
            for number in 0..<20 {
                let headers: Headers = ["content-type": "text/plain", "number": .integer(Int64(number))]
                try await broker.send(Message("job \(number)", headers: headers), to: queue)
            }
            let arguments: [String: JSON] = ["source": .string(name), "count": 20, "settled": 15]
            try await withPeer("pika_take", port, arguments) { peer in
                for number in 0..<20 {
                    let job = try await peer.next("message")
                    #expect(job["body"] == .string("job \(number)"))
                    #expect(job["headers"]?["number"] == .number(Double(number)))
                    #expect(job["content_type"] == "text/plain")
                    #expect(job["delivery_mode"] == 2)
                }
                try await peer.next("holding")
            }
            // What it held comes back, marked, and nothing else.
            let consumer = try await broker.consume(from: queue)
            var rest: Set<String> = []
            while rest.count < 5 {
                let job = try #require(try await consumer.next())
                #expect(job.redeliveries > 0)
                rest.insert(job.message.text ?? "")
                try job.ack()
            }
            #expect(rest == Set((15..<20).map { "job \($0)" }))
            try await broker.send(Message("last"), to: queue)
            let last = try #require(try await consumer.next())
            #expect(last.message.text == "last")
            try last.ack()
            try await broker.deleteQueue(name)
        }
    }

    /// The queue is pika's, as Martlet would have made it, or Martlet's.
    @Test(arguments: [true, false]) func pikaGivesWork(_ pikaIsFirst: Bool) async throws {
        let port = try await RabbitMQServer.shared().port
        try await withAMQP(port: port) { broker in
            let name = unique("work")
            let arguments: [String: JSON] = [
                "target": .string(name), "messages": .array((0..<20).map { .string("job \($0) é") }),
            ]
            func give() async throws {
                try await withPeer("pika_give", port, arguments) { try await $0.next("sent") }
            }
            if pikaIsFirst { try await give() }
            let consumer = try await broker.consume(from: QueueName(name))
            if !pikaIsFirst { try await give() }
            for number in 0..<20 {
                let job = try #require(try await consumer.next())
                #expect(job.message.text == "job \(number) é")
                #expect(job.message.headers.contentType == "text/plain")
                #expect(job.message.headers["from"] == "pika")
                #expect(job.redeliveries == 0)
                try job.ack()
            }
            try await broker.deleteQueue(name)
        }
    }

    @discardableResult
    private func withPeer<Result>(
        _ role: String,
        _ port: Int,
        _ arguments: [String: JSON],
        _ body: (PythonPeer) async throws -> Result
    ) async throws -> Result {
        let place: [String: JSON] = ["transport": "amqp", "port": .number(Double(port))]
        return try await PythonPeers.shared().withPeer(role, arguments.merging(place) { $1 }, body)
    }
}

extension AMQPTable {
    /// The table without times that Python has no years for.
    fileprivate var readableByPika: AMQPTable { mapValues(\.readableByPika) }

    /// What pika sends on when it has read this.
    fileprivate var writtenByPika: AMQPTable { mapValues(\.writtenByPika) }

    private func mapValues(_ transform: (AMQPValue) -> AMQPValue) -> AMQPTable {
        var table = AMQPTable()
        for (name, value) in self { table[name] = transform(value) }
        return table
    }
}

extension AMQPValue {
    fileprivate var readableByPika: AMQPValue {
        switch self {
        case .timestamp(let seconds): .timestamp(seconds % 4_000_000_000)
        case .array(let values): .array(values.map(\.readableByPika))
        case .table(let table): .table(table.readableByPika)
        default: self
        }
    }

    /// It has integers of two sizes, and takes fractions for the larger ones; decimals lose the zeros at their end.
    fileprivate var writtenByPika: AMQPValue {
        switch self {
        case .int8(let number): .int32(Int32(number))
        case .uint8(let number): .int32(Int32(number))
        case .int16(let number): .int32(Int32(number))
        case .uint16(let number): .int32(Int32(number))
        case .uint32(let number): Int32(exactly: number).map(AMQPValue.int32) ?? .int64(Int64(number))
        case .float(let number): .int64(Int64(number))
        case .double(let number): .int64(Int64(number))
        case .decimal(let scale, let value) where scale > 0 && value % 10 == 0:
            AMQPValue.decimal(scale: scale - 1, value: value / 10).writtenByPika
        case .array(let values): .array(values.map(\.writtenByPika))
        case .table(let table): .table(table.writtenByPika)
        default: self
        }
    }
}
