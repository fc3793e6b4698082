import MartletAMQP
import MartletTesting

/// Makes properties of which any may be missing, and tables of every type that RabbitMQ tells apart, nested.
struct RandomProperties {
    private var random: SplitMix64

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
    }

    mutating func next() -> AMQPProperties {
        AMQPProperties(
            contentType: text(),
            contentEncoding: text(),
            headers: coin() ? table(depth: 3) : nil,
            deliveryMode: coin() ? UInt8.random(in: 1...2, using: &random) : nil,
            priority: coin() ? UInt8.random(in: 0...9, using: &random) : nil,
            correlationID: text(),
            replyTo: text(),
            expiration: coin() ? "60000" : nil,
            messageID: text(),
            timestamp: coin() ? UInt64.random(in: 0...UInt64(Int64.max), using: &random) : nil,
            type: text(),
            userID: coin() ? "guest" : nil,
            appID: text(),
            clusterID: text()
        )
    }

    private mutating func coin() -> Bool { Bool.random(using: &random) }

    private mutating func word() -> String {
        String(UInt64.random(in: 0...UInt64.max, using: &random), radix: 36)
    }

    private mutating func text() -> String? { coin() ? word() : nil }

    private mutating func table(depth: Int) -> AMQPTable {
        var table = AMQPTable()
        for number in 0..<Int.random(in: 0...6, using: &random) { table["field \(number)"] = value(depth: depth) }
        return table
    }

    private mutating func value(depth: Int) -> AMQPValue {
        switch Int.random(in: 0..<(depth > 0 ? 17 : 15), using: &random) {
        case 0: .boolean(coin())
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
        case 11: .string(word() + "é🐦")
        case 12: .bytes(bytes())
        case 13: .timestamp(UInt64.random(in: 0...UInt64(Int64.max), using: &random))
        case 14: .void
        case 15: .array(values(depth: depth - 1))
        default: .table(table(depth: depth - 1))
        }
    }

    private mutating func bytes() -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<Int.random(in: 0...20, using: &random) {
            bytes.append(UInt8.random(in: .min ... .max, using: &random))
        }
        return bytes
    }

    private mutating func values(depth: Int) -> [AMQPValue] {
        var values: [AMQPValue] = []
        for _ in 0..<Int.random(in: 0...4, using: &random) { values.append(value(depth: depth)) }
        return values
    }
}
