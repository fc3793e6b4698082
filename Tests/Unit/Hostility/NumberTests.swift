import CMosquitto
import Foundation
import MartletMQTTWire
import MartletTesting
import MartletTransport
import Testing

@testable import Martlet
@testable import MartletAMQP
@testable import MartletCompression
@testable import MartletMQTT
@testable import MartletRedis

/// Every number that a decoder reads from outside, fed with those that arithmetic traps on.
///
/// The table names the places: headers, properties, replies, tags, counts, names of files, records and frames. Whoever makes
/// a decoder read one more adds a line.
@Suite(.timeLimit(.minutes(10))) struct NumberTests {
    /// Numbers as they are written; not each fits into each place.
    static let numbers = [
        "\(Int.min)", "\(Int.min + 1)", "\(Int.max)", "\(Int.max - 1)", "\(UInt64.max)", "-1", "0", "1",
        "9223372036854775808", "4294967295", "4294967296", "-2147483649", "1e400", "-1e400", "1e308", "0.5",
        "18446744073709551616", "99999999999999999999999999999999",
    ]

    struct Place: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let feed: @Sendable (_ number: String) throws -> Void

        init(_ name: String, _ feed: @escaping @Sendable (_ number: String) throws -> Void) {
            testDescription = name
            self.feed = feed
        }
    }

    /// A number as headers carry it: of whatever type it fits.
    private static func values(_ number: String) -> [HeaderValue] {
        [.string(number)] + (Int64(number).map { [.integer($0)] } ?? []) + (Double(number).map { [.double($0)] } ?? [])
    }

    private static func tag(_ number: String) -> UInt64 {
        UInt64(number) ?? Int64(number).map { UInt64(bitPattern: $0) } ?? 7
    }

    private static let names = Headers.Standard.self

    // MARK: The table

    static let places: [Place] =
        headers.map { name in
            Place("header \(name)") { number in
                for value in values(number) {
                    var headers: Headers = [name: value]
                    _ = (
                        headers.timeout, headers.timestamp, headers.goalLease, headers.goalAcceptBy,
                        headers.goalDeadline
                    )
                    _ = headers.integer(name)
                    let mark = BridgeMark(bridge: "b", hopLimit: 8)
                    _ = mark.verdict(on: headers)
                    mark.mark(&headers, origin: "o")
                    #expect((0...Int(Int32.max)).contains(headers.takeRedeliveries()))
                }
            }
        } + core + mqtt + amqp + redis

    /// Each header that is read as a number.
    static let headers = [
        names.timestamp, names.timeout, names.sequence, names.credit, names.bridgeHopLimit, names.deathDeliveries,
        names.deathFirstTime, names.deathLastTime, names.goalLease, names.goalAcceptBy, names.goalDeadline,
        "redeliveries", "expires", "x-delivery-count",
    ]

    private static let core: [Place] = [
        Place("a delivery's count, and what its consumer makes of it") { number in
            let delivery = Delivery(topic: "q", message: Message(), redeliveries: Int(number) ?? 0)
            #expect((0...Int(Int32.max)).contains(delivery.redeliveries))
            _ = delivery.redeliveries + 1
            var headers = Headers()
            headers.countDelivery(after: Int(number) ?? 0)
            #expect(headers.takeRedeliveries() >= 1)
        },
        Place("an envelope's header and properties") { number in
            let text = #"""
                {"header":{"reply_to":"","timestamp":\#(number),"correlation_id":\#(number),"content_type":\#(number),
                "properties":{"redeliveries":\#(number),"x":{"double":"\#(number)"},"timeout":\#(number)}},"data":1}
                """#
            for use in [Envelope.Use.call, .publication] {
                guard let message = Envelope.unwrap(Array(text.utf8), from: use) else { continue }
                _ = (message.headers.timestamp, message.headers.timeout)
                _ = Envelope.unwrap(Envelope.wrap(message, for: use), from: use)
            }
        },
        Place("a stream's frames") { number in
            for value in values(number) {
                guard let sequence = (["s": value] as Headers).integer("s") else { continue }
                var assembly = StreamAssembly(window: 4)
                _ = assembly.receive(Message(), at: sequence)
                _ = assembly.receive(Message(), at: 0)
                _ = assembly.receive(Message(), at: sequence)
            }
        },
        Place("a stream's credit") { number in
            let timers = Timers(Timeline(TestClock()))
            let gate = CreditGate(allowed: Int(number) ?? 0, timers: timers)
            for value in values(number) { gate.receive(Message(headers: [names.credit: value])) }
            _ = gate.silence
            for timeout in values(number) {
                _ = RespondOptions().patience(with: ([names.timeout: timeout] as Headers).timeout)
            }
        },
        Place("an action's messages") { number in
            let codecs = Codecs()
            func read<Value: Decodable>(_ type: Value.Type, _ text: String) {
                _ = try? codecs.value(of: Message(text)) as Value
            }
            for number in [number, "\"\(number)\""] {
                read(SendGoalReply.self, #"{"status":\#(number),"timestamp":\#(number),"goal_id":"g"}"#)
                read(GoalRequest.self, #"{"goal_id":"g","timestamp":\#(number)}"#)
                read(CancelGoalReply.self, #"{"status":\#(number),"timestamp":\#(number)}"#)
                read(GetResultReply<Int>.self, #"{"status":\#(number),"result":\#(number)}"#)
                read(StatusMessage.self, #"{"goal_id":"g","status":\#(number)}"#)
                read(Heartbeat.self, #"{"ts":\#(number)}"#)
                read(
                    Event<[String: Int]>.self,
                    #"{"header":{"msg_id":\#(number),"timestamp":\#(number)},"payload":{}}"#
                )
            }
        },
        Place("an action server's times") { number in
            for value in values(number) {
                var core = ActionServerCore("a", ActionOptions(policy: .queue(limit: 2)))
                let headers: Headers = [names.goalAcceptBy: value, names.goalDeadline: value]
                for id in ["1", "2"] as [GoalID] {
                    let (begin, end) = (headers.goalAcceptBy, headers.goalDeadline)
                    _ = core.send(id, 1, acceptBy: begin, deadline: end, now: .seconds(3_155_760_000))
                }
                _ = core.nextTime
                core.tick(.seconds(6_311_520_000))
                _ = ActionTiming.interval(lease: ([names.goalLease: value] as Headers).goalLease)
            }
        },
        Place("numbers, dates and times in JSON and MessagePack") { number in
            let codecs = Codecs()
            for text in [number, "\"\(number)\"", "[\(number)]", "[\(number),\(number)]"] {
                let message = Message(text)
                _ = try? codecs.value(of: message) as Int
                _ = try? codecs.value(of: message) as Int8
                _ = try? codecs.value(of: message) as UInt64
                _ = try? codecs.value(of: message) as UInt128
                _ = try? codecs.value(of: message) as Double
                _ = try? codecs.value(of: message) as Date
                _ = try? codecs.value(of: message) as Duration
                _ = try? codecs.value(of: message) as [Date]
                _ = try? codecs.value(of: message) as [Duration]
                _ = try? codecs.value(of: message) as Decimal
            }
            for lead: UInt8 in 0xC4...0xDF {
                let bytes = withUnsafeBytes(of: tag(number).bigEndian) { [lead] + Array($0) + Array($0) }
                let message = Message(bytes, headers: ["content-type": "application/msgpack"])
                _ = try? codecs.value(of: message) as Int
                _ = try? codecs.value(of: message) as Date
                _ = try? codecs.value(of: message) as Duration
                _ = try? codecs.value(of: message) as [Int]
                _ = try? codecs.value(of: message) as [UInt8]
            }
        },
        Place("a record of the store") { number in
            let digits = withUnsafeBytes(of: tag(number).littleEndian) { Array($0) }
            for content in [[1, 0] + digits + digits + digits, [2] + digits + [0] + digits + digits + digits] {
                _ = StoredMessage(content: content[...])
                _ = StoreRecord.number(of: content[...])
                for position in [0, 1, 2] { _ = SegmentScanner.step(content, at: position) }
                let first = min(tag(number), StoredMessage.endOfNumbers - 1)
                let record = [UInt8](repeating: 0, count: 8) + content
                _ = SegmentScanner.record(
                    in: record + record,
                    behind: 0,
                    numbers: first..<StoredMessage.endOfNumbers,
                    version: StoredMessage.version
                )
            }
        },
        Place("the names of the store's files, and its cursor") { number in
            let folder = FileManager.default.temporaryDirectory.appending(path: "martlet-\(UUID())").path
            defer { try? FileManager.default.removeItem(atPath: folder) }
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let record = StoredMessage(topic: "a", message: Message("x"), isRetained: false, time: 1)
            let records = record.record(number: tag(number)) + record.record(number: 1)
            let digits = "\(tag(number))"
            let name = String(repeating: "0", count: 20 - digits.count) + digits + ".log"
            try Data(records).write(to: URL(filePath: "\(folder)/\(name)"))
            var cursor = withUnsafeBytes(of: tag(number).littleEndian) { Array($0) }
            withUnsafeBytes(of: CRC32.checksum(of: cursor[...]).littleEndian) { cursor += $0 }
            for withCursor in [false, true] {
                if withCursor { try Data(cursor).write(to: URL(filePath: "\(folder)/cursor")) }
                var files = try StoreFiles(StoreOptions(folder: folder, limit: 1 << 20, maximumAge: .seconds(1)))
                _ = files.append([record, record, record])
                _ = files.read(10, now: .max)
                _ = files.read(10, now: 0)
                _ = files.waiting
                files.finish(before: min(tag(number), files.next))
                files.unlock()
            }
        },
        Place("sizes in compressed bodies") { number in
            let size = withUnsafeBytes(of: tag(number).littleEndian) { Array($0) }
            _ = try? LZ4Frame.decode([0x04, 0x22, 0x4D, 0x18, 0x48, 0x40] + size + [0] + size + size, limit: 1_000)
            _ = try? Zlib.inflate([0x78, 0x9C] + size + size, limit: 1_000)
        },
        Place("a time in a broker's URL, and its port") { number in
            _ = DurationText.duration(number)
            _ = DurationText.duration(number + "h")
            _ = try? MQTTOptions(url: "mqtt://h:\(number)?keepalive=\(number)&timeout=\(number)&inflight=\(number)")
            _ = try? RedisOptions(url: "redis://h/\(number)?lease=\(number)&timeout=\(number)")
            _ = try? AMQPOptions(url: "amqp://h?heartbeat=\(number)&frame_max=\(number)&channel_max=\(number)")
        },
    ]

    private static let mqtt: [Place] = [
        Place("MQTT: a user property") { number in
            var message = Message(
                "x",
                headers: Headers(received: [UserProperty(name: "redeliveries", value: number).header])
            )
            #expect((0...Int(Int32.max)).contains(message.headers.takeRedeliveries()))
        },
        Place("MQTT: the reasons and properties of an acknowledgement") { number in
            let value = Int(number) ?? 0
            var list = PropertyList()
            for property in [PropertyID.receiveMaximum, .serverKeepAlive, .topicAliasMaximum, .maximumPacketSize] {
                list.add(property, UInt32(clamping: value))
            }
            guard let properties = try? MosquittoProperties(list) else { return }
            for reason in [CInt.min, -1, 0, 0x84, 0xFF, CInt.max, CInt(clamping: value)] {
                for version in [MQTTVersion.v311, .v5] {
                    let answer = ConnectAcknowledgement(reason: reason, flags: reason, properties.list, version)
                    _ = answer.refusal
                    _ = TopicAliases(limit: answer.topicAliases)
                }
                _ = MessagingError(publishReason: PublishReason(rawValue: reason))
            }
        },
        Place("MQTT: the lengths and numbers in a packet") { number in
            let digits = withUnsafeBytes(of: tag(number).bigEndian) { Array($0) + Array($0) }
            for first in UInt8.min ... .max {
                ([first] + digits).withUnsafeBytes { bytes in
                    _ = try? PacketHeader(bytes)
                    for position in 0...2 {
                        var reader = PacketReader(bytes, from: position)
                        _ = try? (reader.variable(), reader.data(), reader.identifier(), reader.fourBytes())
                        reader = PacketReader(bytes, from: position)
                        _ = try? reader.part(reader.variable())
                        reader = PacketReader(bytes, from: position)
                        _ = try? reader.properties()
                    }
                }
            }
        },
        Place("MQTT: the number of a packet") { number in
            let named = UInt16(clamping: Int(number) ?? 0)
            var inFlight = InFlight<Int>(window: Int(number) ?? 3)
            inFlight.sent(1, 1)
            inFlight.received(named)
            inFlight.confirmed(named)
            inFlight.sent(inFlight.freeNumber(awayFrom: named), 2)
            inFlight.limit(to: Int(number) ?? 3)
            #expect(inFlight.count == (named == 1 ? 1 : 2))
            _ = inFlight.removeAll()
        },
    ]

    private static let amqp: [Place] = [
        Place("AMQP: the values of a table, a timestamp, an expiration") { number in
            let bits = tag(number)
            let values: [AMQPValue] = [
                .int8(Int8(truncatingIfNeeded: bits)), .uint8(UInt8(truncatingIfNeeded: bits)),
                .int16(Int16(truncatingIfNeeded: bits)), .uint16(UInt16(truncatingIfNeeded: bits)),
                .int32(Int32(truncatingIfNeeded: bits)), .uint32(UInt32(truncatingIfNeeded: bits)),
                .int64(Int64(bitPattern: bits)), .uint64(bits), .timestamp(bits), .string(number),
                .decimal(scale: UInt8(truncatingIfNeeded: bits), value: UInt32(truncatingIfNeeded: bits)),
                .double(Double(number) ?? .nan), .float(Float(number) ?? .nan),
            ]
            for value in values {
                let table: AMQPTable = ["x-delivery-count": value, "timestamp": value, "redeliveries": value]
                let header = ContentHeader(
                    bodySize: 0,
                    properties: AMQPProperties(headers: table, expiration: number, timestamp: bits)
                )
                var assembly = ContentAssembly(maximumBodyBytes: 10)
                try assembly.announce(.delivery(delivery(bits)))
                if let content = try assembly.header(header) {
                    let message = try WireFormat.message(content, from: .publication, WireCoding())
                    _ = Delivery(
                        topic: "q",
                        message: message,
                        redeliveries: Int(clamping: table["x-delivery-count"]?.integer ?? 0)
                    )
                }
                var queue = AMQPQueue("q")
                queue.arguments = [
                    "x-message-ttl": value, "x-expires": value, "x-max-length": value, "x-max-priority": value,
                ]
                _ = (queue.messageExpiry, queue.expiry, queue.maximumLength, queue.maximumPriority)
            }
        },
        Place("AMQP: a body's size") { number in
            var assembly = ContentAssembly(maximumBodyBytes: 10)
            try assembly.announce(.delivery(delivery(1)))
            let header = ContentHeader(bodySize: tag(number), properties: AMQPProperties())
            _ = try? assembly.header(header)
        },
        Place("AMQP: a frame's size and channel") { number in
            let bytes = withUnsafeBytes(of: tag(number).bigEndian) { [1] + Array($0) + Array($0) }
            for start in 0..<6 {
                bytes.withUnsafeBytes { bytes in
                    for maximum in [8, 4_096, Int.max - 8] {
                        _ = try? FrameParser(maximumSize: maximum).next(in: bytes, at: start)
                    }
                }
            }
        },
        Place("AMQP: a delivery's tag") { number in
            var window = SettlementWindow()
            for tag in [tag(number), tag(number) &+ 1, 1, 0, .max] {
                window.delivered(tag)
                window.acknowledge(tag)
                _ = window.takeAcknowledgements()
                window.delivered(tag)
                window.told(tag)
            }
        },
        Place("AMQP: a confirmation's number") { number in
            for multiple in [false, true] {
                var window = ConfirmWindow<Int>()
                for item in 0..<3 { window.add(item, bytes: 1) }
                window.returned(
                    tag(number),
                    ServerMethod.Returned(code: .max, text: "", exchange: "", routingKey: "")
                )
                _ = window.conclude(tag(number), multiple: multiple, isTaken: true)
                _ = window.conclude(0, multiple: multiple, isTaken: false)
                #expect(window.count >= 0)
            }
        },
        Place("AMQP: what the broker proposes") { number in
            var handshake = Handshake(AMQPOptions(), name: "n")
            let bits = tag(number)
            _ = try handshake.receive(
                .start(ServerMethod.Start(major: .max, minor: .max, properties: [:], mechanisms: ["PLAIN"]))
            )
            _ = try handshake.receive(
                .tune(
                    ServerMethod.Tune(
                        channelMax: UInt16(truncatingIfNeeded: bits),
                        frameMax: UInt32(truncatingIfNeeded: bits),
                        heartbeat: UInt16(truncatingIfNeeded: bits)
                    )
                )
            )
        },
    ]

    private static func delivery(_ tag: UInt64) -> ServerMethod.Delivery {
        ServerMethod.Delivery(
            consumer: "c",
            tag: tag,
            isRedelivered: true,
            exchange: "",
            routingKey: "q",
            isKeyText: true
        )
    }

    private static let redis: [Place] = [
        Place("Redis: numbers, lengths and counts of replies") { number in
            for text in [
                ":\(number)\r\n", "$\(number)\r\nx\r\n", "*\(number)\r\n:1\r\n", "+\(number)\r\n", "-\(number)\r\n",
            ] {
                let reader = ReplyReader(limit: 1_000, hearsPushes: true)
                try? text.withBytes { bytes in
                    try reader.feed(bytes) { while let reply = try reader.next() { _ = (reply.integer, reply.string) } }
                }
                for push in ["*3\r\n$7\r\nmessage\r\n$\(number)\r\nc\r\n$\(number)\r\nx\r\n"] {
                    push.withBytes { _ = PushedMessage(at: $0) }
                }
            }
        },
        Place("Redis: an element's redeliveries and end") { number in
            let properties = #"{"redeliveries":\#(number),"expires":\#(number)}"#
            let text = #"{"header":{"reply_to":"","timestamp":1,"properties":\#(properties)},"data":"boo"}"#
            var element = QueueElement(Array(text.utf8), WireCoding())
            let clock = ServerClock()
            for _ in 0..<3 {
                #expect((0...Int(Int32.max)).contains(element.redeliveries))
                if let end = element.expires { _ = clock.isOver(end) }
                _ = element.deadLetter("r", "q")
                element = QueueElement(element.givenBack, WireCoding())
            }
        },
        Place("Redis: the server's time, slots and other numbers") { number in
            let values: [RedisValue] = [.bytes(Array(number.utf8))] + (Int64(number).map { [.integer($0)] } ?? [])
            let clock = ServerClock()
            for value in values {
                for parts in [[value, value], [.integer(1), value], [value, .integer(1)], [value]] {
                    clock.set(.array(parts), asked: 1, answered: 2)
                }
                _ = try? Int(value)
                _ = try? UInt8(value)
                _ = try? Bool(value)
                _ = try? Double(value)
            }
            _ = clock.end(of: .seconds(Int64.max))
            var slots = SlotTable()
            let first = Endpoint.unix(path: "/x")
            for text in [
                "MOVED \(number) 127.0.0.1:\(number)", "MOVED 1 127.0.0.1:\(number)", "ASK \(number) :\(number)",
            ] {
                _ = slots.learn(from: RedisError(text), first: first)
            }
        },
    ]

    // MARK: The test

    @Test(arguments: places) func nothingTraps(at place: Place) throws {
        for number in Self.numbers { try place.feed(number) }
    }
}

extension String {
    fileprivate func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try Array(utf8).withUnsafeBytes(body)
    }
}
