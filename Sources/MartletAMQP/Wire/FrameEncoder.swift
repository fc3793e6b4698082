import CRabbitMQ
import Martlet

/// Writes frames into a buffer, their methods and properties by librabbitmq.
struct FrameEncoder {
    private let pool = MemoryPool()
    /// What the library writes into before it is known how much that is.
    private var scratch: [UInt8] = Array(repeating: 0, count: 8_192)

    /// - Throws: `MessagingError.Code.invalidArgument` for one that is larger than a frame may be.
    mutating func append(_ method: ClientMethod, channel: UInt16, to buffer: inout [UInt8], maximum: Int) throws {
        defer { pool.recycle() }
        reserve(method.sizeBound)
        let number = method.number
        let pool = pool
        let count = scratch.withUnsafeMutableBytes { scratch in
            let encoded = amqp_bytes_t(len: scratch.count, bytes: scratch.baseAddress)
            return method.encode(into: encoded, pool)
        }
        try check(Int(count) + 4, maximum, "an AMQP method")
        Self.begin(.method, channel, size: 4 + Int(count), &buffer)
        Self.append(number, &buffer)
        buffer.append(contentsOf: scratch[..<Int(count)])
        buffer.append(FrameParser.end)
    }

    /// A message: the method, the header and as many frames as the body takes.
    mutating func appendPublish(
        _ publish: AMQPPublish,
        channel: UInt16,
        to buffer: inout [UInt8],
        maximum: Int
    ) throws {
        defer { pool.recycle() }
        let start = buffer.count
        var fields = amqp_basic_publish_t()
        fields.exchange = pool.text(publish.exchange)
        fields.routing_key = pool.text(publish.routingKey)
        fields.mandatory = publish.isMandatory ? 1 : 0
        let count = scratch.withUnsafeMutableBytes {
            amqp_encode_method(
                AMQP_BASIC_PUBLISH_METHOD,
                &fields,
                amqp_bytes_t(len: $0.count, bytes: $0.baseAddress)
            )
        }
        try check(Int(count), maximum, "basic.publish")
        Self.begin(.method, channel, size: 4 + Int(count), &buffer)
        Self.append(AMQP_BASIC_PUBLISH_METHOD, &buffer)
        buffer.append(contentsOf: scratch[..<Int(count)])
        buffer.append(FrameParser.end)
        do {
            try appendHeader(publish, channel, &buffer, maximum)
        } catch {
            // Half a message would be the end of the connection.
            buffer.removeSubrange(start...)
            throw error
        }
        appendBody(publish.body, channel, &buffer, maximum)
    }

    private mutating func appendHeader(
        _ publish: AMQPPublish,
        _ channel: UInt16,
        _ buffer: inout [UInt8],
        _ maximum: Int
    ) throws {
        var properties = publish.properties
        if let number = publish.returnNumber {
            var headers = properties.headers ?? [:]
            headers[AMQPPublish.returnHeader] = .int64(Int64(bitPattern: number))
            properties.headers = headers
        }
        reserve(properties.sizeBound)
        var raw = properties.raw(in: pool)
        let count = scratch.withUnsafeMutableBytes {
            amqp_encode_properties(
                UInt16(AMQP_BASIC_CLASS),
                &raw,
                amqp_bytes_t(len: $0.count, bytes: $0.baseAddress)
            )
        }
        try check(Int(count) + 12, maximum, "the message's headers")
        Self.begin(.header, channel, size: 12 + Int(count), &buffer)
        Self.append(UInt32(AMQP_BASIC_CLASS) << 16, &buffer)
        let size = UInt64(publish.body.count)
        Self.append(UInt32(size >> 32), &buffer)
        Self.append(UInt32(truncatingIfNeeded: size), &buffer)
        buffer.append(contentsOf: scratch[..<Int(count)])
        buffer.append(FrameParser.end)
    }

    private func appendBody(_ body: [UInt8], _ channel: UInt16, _ buffer: inout [UInt8], _ maximum: Int) {
        let most = maximum - FrameParser.headerSize - 1
        var offset = 0
        while offset < body.count {
            let size = min(most, body.count - offset)
            Self.begin(.body, channel, size: size, &buffer)
            buffer.append(contentsOf: body[offset..<offset + size])
            buffer.append(FrameParser.end)
            offset += size
        }
    }

    static func appendHeartbeat(to buffer: inout [UInt8]) {
        begin(.heartbeat, 0, size: 0, &buffer)
        buffer.append(FrameParser.end)
    }

    private mutating func reserve(_ count: Int) {
        if scratch.count < count { scratch = Array(repeating: 0, count: count) }
    }

    private func check(_ count: Int, _ maximum: Int, _ what: String) throws {
        guard count >= 0, count <= maximum - FrameParser.headerSize - 1 else {
            throw MessagingError(.invalidArgument, "\(what) does not fit into a frame of \(maximum) bytes")
        }
    }

    private static func begin(_ kind: Frame.Kind, _ channel: UInt16, size: Int, _ buffer: inout [UInt8]) {
        buffer.append(kind.rawValue)
        buffer.append(UInt8(channel >> 8))
        buffer.append(UInt8(truncatingIfNeeded: channel))
        append(UInt32(size), &buffer)
    }

    private static func append(_ number: UInt32, _ buffer: inout [UInt8]) {
        for shift in [24, 16, 8, 0] as [UInt32] { buffer.append(UInt8(truncatingIfNeeded: number >> shift)) }
    }
}
