import CRabbitMQ

/// The properties as librabbitmq has them.
extension AMQPProperties {
    init(_ raw: amqp_basic_properties_t) {
        func text(_ flag: CInt, _ bytes: amqp_bytes_t) -> String? {
            raw._flags & UInt32(flag) != 0 ? bytes.text : nil
        }
        func has(_ flag: CInt) -> Bool { raw._flags & UInt32(flag) != 0 }
        contentType = text(AMQP_BASIC_CONTENT_TYPE_FLAG, raw.content_type)
        contentEncoding = text(AMQP_BASIC_CONTENT_ENCODING_FLAG, raw.content_encoding)
        headers = has(AMQP_BASIC_HEADERS_FLAG) ? AMQPTable(raw.headers) : nil
        deliveryMode = has(AMQP_BASIC_DELIVERY_MODE_FLAG) ? raw.delivery_mode : nil
        priority = has(AMQP_BASIC_PRIORITY_FLAG) ? raw.priority : nil
        correlationID = text(AMQP_BASIC_CORRELATION_ID_FLAG, raw.correlation_id)
        replyTo = text(AMQP_BASIC_REPLY_TO_FLAG, raw.reply_to)
        expiration = text(AMQP_BASIC_EXPIRATION_FLAG, raw.expiration)
        messageID = text(AMQP_BASIC_MESSAGE_ID_FLAG, raw.message_id)
        timestamp = has(AMQP_BASIC_TIMESTAMP_FLAG) ? raw.timestamp : nil
        type = text(AMQP_BASIC_TYPE_FLAG, raw.type)
        userID = text(AMQP_BASIC_USER_ID_FLAG, raw.user_id)
        appID = text(AMQP_BASIC_APP_ID_FLAG, raw.app_id)
        clusterID = text(AMQP_BASIC_CLUSTER_ID_FLAG, raw.cluster_id)
    }

    func raw(in pool: MemoryPool) -> amqp_basic_properties_t {
        var raw = amqp_basic_properties_t()
        func text(_ value: String?, _ flag: CInt, _ field: WritableKeyPath<amqp_basic_properties_t, amqp_bytes_t>) {
            guard let value else { return }
            raw._flags |= UInt32(flag)
            raw[keyPath: field] = pool.text(value)
        }
        text(contentType, AMQP_BASIC_CONTENT_TYPE_FLAG, \.content_type)
        text(contentEncoding, AMQP_BASIC_CONTENT_ENCODING_FLAG, \.content_encoding)
        text(correlationID, AMQP_BASIC_CORRELATION_ID_FLAG, \.correlation_id)
        text(replyTo, AMQP_BASIC_REPLY_TO_FLAG, \.reply_to)
        text(expiration, AMQP_BASIC_EXPIRATION_FLAG, \.expiration)
        text(messageID, AMQP_BASIC_MESSAGE_ID_FLAG, \.message_id)
        text(type, AMQP_BASIC_TYPE_FLAG, \.type)
        text(userID, AMQP_BASIC_USER_ID_FLAG, \.user_id)
        text(appID, AMQP_BASIC_APP_ID_FLAG, \.app_id)
        text(clusterID, AMQP_BASIC_CLUSTER_ID_FLAG, \.cluster_id)
        if let headers {
            raw._flags |= UInt32(AMQP_BASIC_HEADERS_FLAG)
            raw.headers = pool.table(headers)
        }
        if let deliveryMode {
            raw._flags |= UInt32(AMQP_BASIC_DELIVERY_MODE_FLAG)
            raw.delivery_mode = deliveryMode
        }
        if let priority {
            raw._flags |= UInt32(AMQP_BASIC_PRIORITY_FLAG)
            raw.priority = priority
        }
        if let timestamp {
            raw._flags |= UInt32(AMQP_BASIC_TIMESTAMP_FLAG)
            raw.timestamp = timestamp
        }
        return raw
    }
}
