import IntegrationSupport
import Martlet
import MartletAMQP
import MartletTesting
import Testing

/// What travels beside the body comes out as it went in.
@Suite(.timeLimit(.minutes(2))) struct PropertiesTests {
    @Test(arguments: [1, 2, 3, 4, 5]) func propertiesAndTablesSurvive(_ seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        try await withAMQP(port: RabbitMQServer.shared().port) { broker in
            let queue = AMQPQueue(unique("properties"), isExclusive: true)
            try await broker.declare(queue)
            let channel = try await broker.openChannel()
            for _ in 0..<60 {
                let properties = anyProperties(&random)
                try await channel.publish(AMQPMessage([1], properties: properties), routingKey: queue.name)
                let delivery = try #require(try await channel.get(from: queue.name, noAck: true))
                #expect(delivery.message.properties == properties)
            }
        }
    }

    @Test func whatAMQPCannotCarryIsAnError() async throws {
        try await withAMQP(port: RabbitMQServer.shared().port) { broker in
            let channel = try await broker.openChannel()
            let long = String(repeating: "x", count: 256)
            var deep = AMQPValue.array([])
            for _ in 0..<100 { deep = .array([deep]) }
            for properties in [
                AMQPProperties(contentType: long), AMQPProperties(headers: [long: 1]),
                AMQPProperties(headers: ["deep": deep]), AMQPProperties(expiration: "soon"),
                AMQPProperties(headers: ["large": .bytes(Array(repeating: 0, count: 200_000))]),
            ] {
                let code = await errorCode {
                    try await channel.publish(AMQPMessage("x", properties: properties), routingKey: "x")
                }
                #expect(code == .invalidArgument)
            }
            // The channel lives on.
            try await channel.publish(AMQPMessage("x"), routingKey: "x")
        }
    }

    private func anyProperties(_ random: inout SplitMix64) -> AMQPProperties {
        func text(_ random: inout SplitMix64) -> String? {
            Bool.random(using: &random) ? String(UInt64.random(in: 0...UInt64.max, using: &random), radix: 36) : nil
        }
        func number(_ random: inout SplitMix64) -> UInt8? {
            Bool.random(using: &random) ? UInt8.random(in: 0...9, using: &random) : nil
        }
        return AMQPProperties(
            contentType: text(&random),
            contentEncoding: text(&random),
            headers: Bool.random(using: &random) ? anyTable(&random, depth: 3) : nil,
            deliveryMode: Bool.random(using: &random) ? UInt8.random(in: 1...2, using: &random) : nil,
            priority: number(&random),
            correlationID: text(&random),
            replyTo: text(&random),
            expiration: Bool.random(using: &random) ? "60000" : nil,
            messageID: text(&random),
            timestamp: Bool.random(using: &random) ? UInt64.random(in: 0...UInt64(Int64.max), using: &random) : nil,
            type: text(&random),
            userID: Bool.random(using: &random) ? "guest" : nil,
            appID: text(&random),
            clusterID: text(&random)
        )
    }

    private func anyTable(_ random: inout SplitMix64, depth: Int) -> AMQPTable {
        var table = AMQPTable()
        for number in 0..<Int.random(in: 0...6, using: &random) {
            table["field \(number)"] = anyValue(&random, depth: depth)
        }
        return table
    }

    private func anyValue(_ random: inout SplitMix64, depth: Int) -> AMQPValue {
        switch Int.random(in: 0..<(depth > 0 ? 17 : 15), using: &random) {
        case 0: .boolean(Bool.random(using: &random))
        case 1: .int8(Int8.random(in: .min ... .max, using: &random))
        case 2: .uint8(UInt8.random(in: .min ... .max, using: &random))
        case 3: .int16(Int16.random(in: .min ... .max, using: &random))
        case 4: .uint16(UInt16.random(in: .min ... .max, using: &random))
        case 5: .int32(Int32.random(in: .min ... .max, using: &random))
        case 6: .uint32(UInt32.random(in: .min ... .max, using: &random))
        case 7: .int64(Int64.random(in: .min ... .max, using: &random))
        case 8: .float(Float.random(in: -1e9...1e9, using: &random))
        case 9: .double(Double.random(in: -1e9...1e9, using: &random))
        case 10:
            .decimal(
                scale: UInt8.random(in: 0...9, using: &random),
                value: UInt32.random(in: 0...9_999, using: &random)
            )
        case 11: .string(String(UInt64.random(in: 0...UInt64.max, using: &random), radix: 36) + "é🐦")
        case 12:
            .bytes((0..<Int.random(in: 0...20, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) })
        case 13: .timestamp(UInt64.random(in: 0...UInt64(Int64.max), using: &random))
        case 14: .void
        case 15: .array((0..<Int.random(in: 0...4, using: &random)).map { _ in anyValue(&random, depth: depth - 1) })
        default: .table(anyTable(&random, depth: depth - 1))
        }
    }
}
