import CRabbitMQ
import Martlet

/// Decodes the payloads of frames by librabbitmq, and copies them out of its memory.
struct MethodDecoder {
    private let pool = MemoryPool()

    /// - Parameter payload: at least four bytes, of which the first are the method's number.
    /// - Throws: `MessagingError.Code.connectionLost` for what is no method of a broker.
    func method(_ payload: UnsafeRawBufferPointer) throws -> ServerMethod {
        let number = UInt32(bigEndian: payload.loadUnaligned(as: UInt32.self))
        let arguments = UnsafeRawBufferPointer(rebasing: payload[4...])
        // Before it is decoded: some of those that only clients send hold tables of any depth.
        guard Self.numbers.contains(number) else {
            throw FrameParser.broken("the method \(number >> 16).\(number & 0xFFFF) is not for clients")
        }
        if number == AMQP_CONNECTION_START_METHOD, !TableNesting.isHarmless(arguments, at: 2) {
            throw FrameParser.broken("a table is too deep")
        }
        defer { pool.recycle() }
        var decoded: UnsafeMutableRawPointer?
        let status = amqp_decode_method(number, pool.pointer, Self.bytes(arguments), &decoded)
        guard status >= 0, let decoded, let method = Self.method(number, decoded) else {
            throw FrameParser.broken("the method \(number >> 16).\(number & 0xFFFF) can't be decoded")
        }
        return method
    }

    /// The methods that a broker may send to a client.
    private static let numbers: Set<UInt32> = [
        AMQP_CONNECTION_START_METHOD, AMQP_CONNECTION_SECURE_METHOD, AMQP_CONNECTION_TUNE_METHOD,
        AMQP_CONNECTION_OPEN_OK_METHOD, AMQP_CONNECTION_CLOSE_METHOD, AMQP_CONNECTION_CLOSE_OK_METHOD,
        AMQP_CONNECTION_BLOCKED_METHOD, AMQP_CONNECTION_UNBLOCKED_METHOD, AMQP_CHANNEL_OPEN_OK_METHOD,
        AMQP_CHANNEL_FLOW_METHOD, AMQP_CHANNEL_CLOSE_METHOD, AMQP_CHANNEL_CLOSE_OK_METHOD,
        AMQP_EXCHANGE_DECLARE_OK_METHOD, AMQP_EXCHANGE_DELETE_OK_METHOD, AMQP_EXCHANGE_BIND_OK_METHOD,
        AMQP_EXCHANGE_UNBIND_OK_METHOD, AMQP_QUEUE_DECLARE_OK_METHOD, AMQP_QUEUE_BIND_OK_METHOD,
        AMQP_QUEUE_UNBIND_OK_METHOD, AMQP_QUEUE_PURGE_OK_METHOD, AMQP_QUEUE_DELETE_OK_METHOD,
        AMQP_BASIC_QOS_OK_METHOD, AMQP_BASIC_CONSUME_OK_METHOD, AMQP_BASIC_CANCEL_METHOD,
        AMQP_BASIC_CANCEL_OK_METHOD, AMQP_BASIC_DELIVER_METHOD, AMQP_BASIC_RETURN_METHOD, AMQP_BASIC_GET_OK_METHOD,
        AMQP_BASIC_GET_EMPTY_METHOD, AMQP_BASIC_ACK_METHOD, AMQP_BASIC_NACK_METHOD, AMQP_BASIC_RECOVER_OK_METHOD,
        AMQP_CONFIRM_SELECT_OK_METHOD, AMQP_TX_SELECT_OK_METHOD,
    ]

    /// The size of the body and the properties of a header frame, of at least 14 bytes.
    func header(_ payload: UnsafeRawBufferPointer) throws -> ContentHeader {
        let classNumber = UInt16(payload[0]) << 8 | UInt16(payload[1])
        let size = UInt64(bigEndian: payload.loadUnaligned(fromByteOffset: 4, as: UInt64.self))
        let encoded = UnsafeRawBufferPointer(rebasing: payload[12...])
        guard classNumber == UInt16(AMQP_BASIC_CLASS) else {
            throw FrameParser.broken("a content is of class \(classNumber)")
        }
        // No flags: there are no properties.
        if encoded.count == 2, encoded[0] == 0, encoded[1] == 0 {
            return ContentHeader(bodySize: size, properties: AMQPProperties())
        }
        if let table = Self.headersOffset(encoded), !TableNesting.isHarmless(encoded, at: table) {
            throw FrameParser.broken("a message's headers are too deep")
        }
        defer { pool.recycle() }
        var decoded: UnsafeMutableRawPointer?
        let status = amqp_decode_properties(classNumber, pool.pointer, Self.bytes(encoded), &decoded)
        guard status >= 0, let decoded else { throw FrameParser.broken("a message's properties can't be decoded") }
        return ContentHeader(
            bodySize: size,
            properties: AMQPProperties(decoded.load(as: amqp_basic_properties_t.self))
        )
    }

    /// Where the table of headers begins; `nil` if there is none.
    private static func headersOffset(_ encoded: UnsafeRawBufferPointer) -> Int? {
        var offset = 0
        var flags = 0
        var isFirst = true
        repeat {
            guard offset + 2 <= encoded.count else { return nil }
            let word = Int(encoded[offset]) << 8 | Int(encoded[offset + 1])
            if isFirst { flags = word }
            isFirst = false
            offset += 2
            if word & 1 == 0 { break }
        } while true
        guard flags & Int(AMQP_BASIC_HEADERS_FLAG) != 0 else { return nil }
        for flag in [AMQP_BASIC_CONTENT_TYPE_FLAG, AMQP_BASIC_CONTENT_ENCODING_FLAG] where flags & Int(flag) != 0 {
            guard offset < encoded.count else { return nil }
            offset += 1 + Int(encoded[offset])
        }
        return offset
    }

    private static func bytes(_ buffer: UnsafeRawBufferPointer) -> amqp_bytes_t {
        // The library only reads from it.
        amqp_bytes_t(len: buffer.count, bytes: UnsafeMutableRawPointer(mutating: buffer.baseAddress))
    }

    private static func method(_ number: UInt32, _ decoded: UnsafeMutableRawPointer) -> ServerMethod? {
        func load<Fields>(_ type: Fields.Type) -> Fields { decoded.load(as: type) }
        switch number {
        case AMQP_BASIC_DELIVER_METHOD:
            let fields = load(amqp_basic_deliver_t.self)
            let key = fields.routing_key.validText
            return .deliver(
                ServerMethod.Delivery(
                    consumer: fields.consumer_tag.text,
                    tag: fields.delivery_tag,
                    isRedelivered: fields.redelivered != 0,
                    exchange: fields.exchange.text,
                    routingKey: key ?? fields.routing_key.text,
                    isKeyText: key != nil
                )
            )
        case AMQP_BASIC_ACK_METHOD:
            let fields = load(amqp_basic_ack_t.self)
            return .ack(tag: fields.delivery_tag, multiple: fields.multiple != 0)
        case AMQP_BASIC_NACK_METHOD:
            let fields = load(amqp_basic_nack_t.self)
            return .nack(tag: fields.delivery_tag, multiple: fields.multiple != 0)
        case AMQP_BASIC_RETURN_METHOD:
            let fields = load(amqp_basic_return_t.self)
            return .returned(
                ServerMethod.Returned(
                    code: fields.reply_code,
                    text: fields.reply_text.text,
                    exchange: fields.exchange.text,
                    routingKey: fields.routing_key.text
                )
            )
        case AMQP_BASIC_CANCEL_METHOD:
            return .cancel(consumer: load(amqp_basic_cancel_t.self).consumer_tag.text)
        case AMQP_CONNECTION_START_METHOD:
            let fields = load(amqp_connection_start_t.self)
            return .start(
                ServerMethod.Start(
                    major: fields.version_major,
                    minor: fields.version_minor,
                    properties: AMQPTable(fields.server_properties),
                    mechanisms: fields.mechanisms.text.split(separator: " ").map(String.init)
                )
            )
        case AMQP_CONNECTION_SECURE_METHOD: return .secure
        case AMQP_CONNECTION_TUNE_METHOD:
            let fields = load(amqp_connection_tune_t.self)
            return .tune(
                ServerMethod.Tune(
                    channelMax: fields.channel_max,
                    frameMax: fields.frame_max,
                    heartbeat: fields.heartbeat
                )
            )
        case AMQP_CONNECTION_OPEN_OK_METHOD: return .openOK
        case AMQP_CONNECTION_CLOSE_METHOD:
            let fields = load(amqp_connection_close_t.self)
            let method = UInt32(fields.class_id) << 16 | UInt32(fields.method_id)
            return .connectionClose(
                ServerMethod.Close(code: fields.reply_code, text: fields.reply_text.text, method: method)
            )
        case AMQP_CONNECTION_CLOSE_OK_METHOD: return .connectionCloseOK
        case AMQP_CONNECTION_BLOCKED_METHOD: return .blocked(load(amqp_connection_blocked_t.self).reason.text)
        case AMQP_CONNECTION_UNBLOCKED_METHOD: return .unblocked
        case AMQP_CHANNEL_FLOW_METHOD: return .channelFlow(isActive: load(amqp_channel_flow_t.self).active != 0)
        case AMQP_CHANNEL_CLOSE_METHOD:
            let fields = load(amqp_channel_close_t.self)
            let method = UInt32(fields.class_id) << 16 | UInt32(fields.method_id)
            return .channelClose(
                ServerMethod.Close(code: fields.reply_code, text: fields.reply_text.text, method: method)
            )
        case AMQP_CHANNEL_CLOSE_OK_METHOD: return .channelCloseOK
        default: return reply(number, decoded).map(ServerMethod.reply)
        }
    }

    private static func reply(_ number: UInt32, _ decoded: UnsafeMutableRawPointer) -> ServerMethod.Reply? {
        func load<Fields>(_ type: Fields.Type) -> Fields { decoded.load(as: type) }
        switch number {
        case AMQP_CHANNEL_OPEN_OK_METHOD: return .channelOpened
        case AMQP_EXCHANGE_DECLARE_OK_METHOD: return .exchangeDeclared
        case AMQP_EXCHANGE_DELETE_OK_METHOD: return .exchangeDeleted
        case AMQP_EXCHANGE_BIND_OK_METHOD: return .exchangeBound
        case AMQP_EXCHANGE_UNBIND_OK_METHOD: return .exchangeUnbound
        case AMQP_QUEUE_DECLARE_OK_METHOD:
            let fields = load(amqp_queue_declare_ok_t.self)
            return .queueDeclared(
                name: fields.queue.text,
                messages: fields.message_count,
                consumers: fields.consumer_count
            )
        case AMQP_QUEUE_BIND_OK_METHOD: return .queueBound
        case AMQP_QUEUE_UNBIND_OK_METHOD: return .queueUnbound
        case AMQP_QUEUE_PURGE_OK_METHOD: return .queuePurged(messages: load(amqp_queue_purge_ok_t.self).message_count)
        case AMQP_QUEUE_DELETE_OK_METHOD:
            return .queueDeleted(messages: load(amqp_queue_delete_ok_t.self).message_count)
        case AMQP_BASIC_QOS_OK_METHOD: return .qosSet
        case AMQP_BASIC_CONSUME_OK_METHOD:
            return .consuming(consumer: load(amqp_basic_consume_ok_t.self).consumer_tag.text)
        case AMQP_BASIC_CANCEL_OK_METHOD:
            return .cancelled(consumer: load(amqp_basic_cancel_ok_t.self).consumer_tag.text)
        case AMQP_BASIC_GET_OK_METHOD:
            let fields = load(amqp_basic_get_ok_t.self)
            return .got(
                ServerMethod.GetOK(
                    tag: fields.delivery_tag,
                    isRedelivered: fields.redelivered != 0,
                    exchange: fields.exchange.text,
                    routingKey: fields.routing_key.text,
                    messageCount: fields.message_count
                )
            )
        case AMQP_BASIC_GET_EMPTY_METHOD: return .gotNothing
        case AMQP_CONFIRM_SELECT_OK_METHOD: return .confirmsSelected
        case AMQP_BASIC_RECOVER_OK_METHOD: return .recovered
        case AMQP_TX_SELECT_OK_METHOD: return .transactionsSelected
        default: return nil
        }
    }
}
