import MartletTesting
import Testing

@testable import Martlet
@testable import MartletAMQP
@testable import MartletMQTT

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Messages with more headers than anybody has a use for: they cost time in proportion, and are refused.
@Suite(.timeLimit(.minutes(15))) struct HeaderFloodTests {
    private static let many = 100_000

    /// How often the reading of `factor` times as many headers takes longer. Of three attempts the shortest counts, in processor
    /// time of this thread: what else the machine does takes none of it.
    private func growth(_ factor: Int, _ read: (Int) throws -> Void) rethrows -> Double {
        func shortest(_ count: Int) throws -> Duration {
            var times: [Duration] = []
            for _ in 0..<3 {
                let start = Self.processorTime
                try read(count)
                times.append(Self.processorTime - start)
            }
            return times.min() ?? .zero
        }
        return try shortest(Self.many) / shortest(Self.many / factor)
    }

    private static var processorTime: Duration {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    private func fields(_ count: Int) -> [Headers.Element] {
        (0..<count).map { ("header-\($0)", .integer(Int64($0))) }
    }

    @Test func headersFromOutsideTakeLinearTime() {
        let all = fields(Self.many)
        // Sixteen times as many would take 256 times as long by comparing each with all others.
        let growth = growth(16) { count in
            #expect(Headers(received: Array(all.prefix(count))).count == count)
        }
        #expect(growth < 80, "\(growth)")
    }

    @Test func anEnvelopesPropertiesTakeLinearTime() throws {
        func envelope(_ count: Int) -> [UInt8] {
            let properties = fields(count).map { "\"\($0.name)\":1" }.joined(separator: ",")
            return Array(#"{"header":{"reply_to":"","timestamp":1,"properties":{\#(properties)}},"data":{}}"#.utf8)
        }
        let (few, all) = (envelope(Self.many / 16), envelope(Self.many))
        let growth = growth(16) { count in
            #expect(Envelope.unwrap(count == Self.many ? all : few, from: .call)?.headers.count ?? 0 >= count)
        }
        #expect(growth < 80, "\(growth)")
        let wire = WireCoding(maximumHeaders: 1_000)
        #expect(throws: MessagingError.self) { try wire.message(all, from: .publication) }
        #expect(try wire.message(envelope(900), from: .publication).headers.count >= 900)
    }

    @Test func aRecordOfTheStoreTakesLinearTime() throws {
        func record(_ count: Int) -> ArraySlice<UInt8> {
            let message = Message("x", headers: Headers(received: fields(count)))
            return StoredMessage(topic: "a", message: message, isRetained: false, time: 0)
                .record(number: 0)[StoreRecord.prefixBytes...]
        }
        let (few, all) = (record(Self.many / 16), record(Self.many))
        let growth = growth(16) { count in
            #expect(StoredMessage(content: count == Self.many ? all : few)?.message.headers.count == count)
        }
        #expect(growth < 80, "\(growth)")
    }

    @Test func theTableOfAnAMQPMessageTakesLinearTime() throws {
        func content(_ count: Int) throws -> ContentAssembly.Content {
            let table = AMQPTable(received: fields(count).map { ($0.name, .int64(1)) })
            var assembly = ContentAssembly(maximumBodyBytes: 10)
            try assembly.announce(
                .delivery(
                    ServerMethod.Delivery(
                        consumer: "",
                        tag: 1,
                        isRedelivered: false,
                        exchange: "",
                        routingKey: "q",
                        isKeyText: true
                    )
                )
            )
            let header = ContentHeader(bodySize: 0, properties: AMQPProperties(headers: table))
            return try #require(try assembly.header(header))
        }
        let (few, all) = (try content(Self.many / 16), try content(Self.many))
        let wire = WireCoding(maximumHeaders: .max)
        let growth = try growth(16) { count in
            let message = try WireFormat.message(count == Self.many ? all : few, from: .publication, wire)
            #expect(message.headers.count == count)
        }
        #expect(growth < 80, "\(growth)")
        #expect(throws: MessagingError.self) { try WireFormat.message(all, from: .publication, WireCoding()) }
    }

    /// What the envelope and the broker both carry is put together in linear time, too, and counted together.
    @Test func bothKindsOfHeadersTogetherTakeLinearTime() throws {
        let beside = Headers(received: fields(Self.many).map { ("beside-" + $0.name, $0.value) })
        let body = Envelope.wrap(Message("{}", headers: Headers(received: fields(Self.many))), for: .call)
        let wire = WireCoding(maximumHeaders: .max)
        let time = try ContinuousClock().measure {
            let message = try wire.message(body, beside: beside, from: .call)
            #expect(message.headers.count >= 2 * Self.many)
            #expect(message.headers["beside-header-7"] == 7)
        }
        #expect(time < .seconds(60))
        let some = Headers(received: fields(600).map { ("beside-" + $0.name, $0.value) })
        let six = Envelope.wrap(Message("{}", headers: Headers(received: fields(600))), for: .call)
        #expect(throws: MessagingError.self) { try WireCoding().message(six, beside: some, from: .call) }
    }

    @Test func whatTheEnvelopeSaysCountsMore() throws {
        let body = Envelope.wrap(Message("{}", headers: ["a": "envelope", "reply-to": "envelope"]), for: .call)
        let beside: Headers = ["a": "beside", "b": "beside", "reply-to": "beside", "content-type": "beside"]
        let message = try WireCoding().message(body, beside: beside, from: .call) {
            $0 == "reply-to"
        } isForBodyAlone: {
            $0 == "content-type"
        }
        #expect(message.headers["a"] == "envelope")
        #expect(message.headers["b"] == "beside")
        #expect(message.headers.replyTo == "beside")
        #expect(message.headers.contentType == nil)
    }

    /// Every user property is read once.
    @Test func userPropertiesTakeLinearTime() {
        let growth = growth(16) { count in
            let headers = Headers(
                received: (0..<count).map { UserProperty(name: "property-\($0)", value: "1").header }
            )
            #expect(headers.count == count)
        }
        #expect(growth < 80, "\(growth)")
    }
}
