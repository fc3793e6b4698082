import Martlet
import MartletTesting

/// What a peer does that means no good, or is badly broken, and that an honest broker lets it do.
enum PeerAttack: CaseIterable {
    /// Says numbers in headers that arithmetic traps on.
    case numbers
    /// Says anything: bytes, text that is none, what is nested too deep.
    case nonsense
    /// Says that calls are over which there never were, by long IDs.
    case cancellations
    /// Asks for streams and takes none of them.
    case unreadStreams
    /// Answers what it was asked, and then what it was not.
    case forgedReplies
    /// Says more than a slow reader takes.
    case flood
    /// Wants its answers where there is nobody, or nothing.
    case badReplyAddresses
    /// Says more headers than anyone wants.
    case manyHeaders
    /// Has goals done, and forgets them.
    case lostGoals
    /// Tells of goals that others have.
    case forgedStatus
    /// Comes, asks, and leaves at once.
    case comesAndGoes
    /// Stops and starts a node that it knows nothing of, and gives back work for ever.
    case strayControl

    /// Does it once. That the broker or its own connection refuses is thrown.
    func strike(
        _ house: House,
        _ peer: any Connection,
        _ random: inout SplitMix64,
        connecting connect: () async throws -> any Connection
    ) async throws {
        let queues = [house.double.name, house.count.name, house.work.name] + Self.actionQueues(house)
        switch self {
        case .numbers:
            let names = Self.numericHeaders
            for queue in queues {
                let name = names.randomElement(using: &random) ?? ""
                for value in Self.extremes {
                    let headers: Headers = ["reply-to": .string("nobody"), "correlation-id": .string("x"), name: value]
                    try await peer.send(Message("boo", headers: headers), to: queue)
                    try await peer.publish(Message("boo", headers: headers), to: house.news.name)
                }
            }
        case .nonsense:
            for body in Self.nonsense(&random) {
                for queue in queues { try await peer.send(Message(body), to: queue) }
                try await peer.publish(Message(body), to: house.news.name)
            }
        case .cancellations:
            for queue in queues {
                let id =
                    String(UInt64.random(in: 0...UInt64.max, using: &random), radix: 36)
                    + String(repeating: "x", count: 60_000)
                let message = Message(headers: ["correlation-id": .string(id)])
                try await peer.publish(message, to: TopicName(queue).appending("_cancel"))
            }
        case .unreadStreams:
            let id = String(UInt64.random(in: 0...UInt64.max, using: &random), radix: 36)
            let headers: Headers = [
                "reply-to": .string("nobody"), "correlation-id": .string(id),
                "stream-credit": .integer(.random(in: 0...1, using: &random)), "timeout": .integer(.max),
            ]
            try await peer.send(Message("10", headers: headers), to: house.count.name)
            // As many as a broker has under way to one client would keep all others out.
            try await Task.sleep(for: .milliseconds(250))
        case .forgedReplies: try await forgeReplies(house, peer, &random)
        case .flood:
            for _ in 0..<4 { try await peer.publish(Message([UInt8](repeating: 65, count: 1 << 20)), to: house.bulk) }
        case .badReplyAddresses:
            for address in [
                "", "#", "+/x", "a.b", "$SYS/x", "a\u{1}b", "amq.rabbitmq.reply-to", String(repeating: "y", count: 200),
            ] {
                let headers: Headers = [
                    "reply-to": .string(address), "correlation-id": .string("\(address)1"), "stream-credit": 5,
                ]
                for queue in queues { try? await peer.send(Message("1", headers: headers), to: queue) }
            }
        case .manyHeaders:
            for count in [900, 2_000] {
                var headers = Headers()
                for number in 0..<count { headers["h\(number)"] = .string("x") }
                try await peer.publish(Message("1", headers: headers), to: house.bulk)
                try await peer.send(Message("boo", headers: headers), to: house.work.name)
            }
        case .lostGoals:
            for number in 0..<10 { _ = try await peer.send(-number, to: house.move, timeout: .seconds(5)) }
        case .forgedStatus:
            let base = TopicName(house.move.name)
            for status in [0, 4, 6, 255, -1] {
                let text = #"{"goal_id":"\#(UInt64.random(in: 0...UInt64.max, using: &random))","status":\#(status)}"#
                try await peer.publish(Message(text), to: base.appending("status"))
                try await peer.publish(Message(text), to: base.appending("feedback"))
            }
        case .comesAndGoes:
            let other = try await connect()
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<10 {
                    group.addTask { _ = try? await other.call(house.double, number, timeout: .seconds(5)) }
                }
                group.addTask { _ = try? await other.subscribe(to: "#") }
                group.cancelAll()
            }
            await other.close()
        case .strayControl:
            for name in ["house.stop", "house.start", "house.describe"] {
                try await peer.send(Message("{", headers: ["reply-to": .string("nobody")]), to: QueueName(name))
            }
        }
    }

    /// Serves what good peers call, answers a few, and has replies of its own for each of them afterwards.
    private func forgeReplies(_ house: House, _ peer: any Connection, _ random: inout SplitMix64) async throws {
        let requests = try await peer.consume(from: house.trap.name, options: ConsumeOptions(prefetch: 1))
        defer { requests.finish() }
        for _ in 0..<5 {
            guard house.goesOn, let request = try await requests.next() else { return }
            let headers = request.message.headers
            try request.ack()
            guard let address = headers.replyTo, let id = headers.correlationID else { continue }
            try await peer.reply(Message("1", headers: ["correlation-id": .string(id)]), to: address)
            let guesses = [
                id, "", "1", String(id.dropLast()),
                String(UInt64.random(in: 0...UInt64.max, using: &random), radix: 36),
            ]
            for guess in guesses + [id] {
                let forged: Headers = [
                    "correlation-id": .string(guess), "stream-sequence": .integer(0), "stream-end": true,
                ]
                try await peer.reply(Message("-1", headers: forged), to: address)
            }
        }
    }

    private static func actionQueues(_ house: House) -> [QueueName] {
        ["send_goal", "cancel_goal", "get_result"].map { house.move.name.appending($0) }
    }

    /// Each header that a number is read from.
    private static let numericHeaders = [
        "timestamp", "timeout", "stream-sequence", "stream-credit", "bridge-hop-limit", "death-deliveries",
        "redeliveries",
        "goal-lease", "goal-accept-by", "goal-deadline", "expires", "x-delivery-count",
    ]

    private static let extremes: [HeaderValue] = [
        .integer(.max), .integer(.min), .integer(-1), .integer(0), .double(1e308), .double(-.infinity), .double(.nan),
        .string("18446744073709551616"), .string("-"), .boolean(true),
    ]

    private static func nonsense(_ random: inout SplitMix64) -> [[UInt8]] {
        let noise = (0..<Int.random(in: 0..<2_000, using: &random)).map { _ in
            UInt8.random(in: .min ... .max, using: &random)
        }
        let deep = [UInt8](repeating: 0x5B, count: 10_000)
        let texts = [
            "", "null", "1e999", "{\"header\":{},\"data\":1}", "{\"header\":{\"reply_to\":5}}", "\"\\ud800\"",
            "{\"goal_id\":\"\",\"goal\":{}}", "[1,2", "\u{FEFF}1",
        ]
        return [noise, deep, [0xC0, 0xAF], [0xDF, 0xFF, 0xFF, 0xFF, 0xFF]] + texts.map { Array($0.utf8) }
    }
}
