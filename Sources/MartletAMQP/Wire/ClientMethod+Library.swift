import CRabbitMQ

extension ClientMethod {
    /// Its number: the class's and the method's.
    var number: UInt32 {
        switch self {
        case .startOK: AMQP_CONNECTION_START_OK_METHOD
        case .tuneOK: AMQP_CONNECTION_TUNE_OK_METHOD
        case .open: AMQP_CONNECTION_OPEN_METHOD
        case .connectionClose: AMQP_CONNECTION_CLOSE_METHOD
        case .connectionCloseOK: AMQP_CONNECTION_CLOSE_OK_METHOD
        case .channelOpen: AMQP_CHANNEL_OPEN_METHOD
        case .channelFlowOK: AMQP_CHANNEL_FLOW_OK_METHOD
        case .channelClose: AMQP_CHANNEL_CLOSE_METHOD
        case .channelCloseOK: AMQP_CHANNEL_CLOSE_OK_METHOD
        case .declareExchange: AMQP_EXCHANGE_DECLARE_METHOD
        case .deleteExchange: AMQP_EXCHANGE_DELETE_METHOD
        case .bindExchange: AMQP_EXCHANGE_BIND_METHOD
        case .unbindExchange: AMQP_EXCHANGE_UNBIND_METHOD
        case .declareQueue: AMQP_QUEUE_DECLARE_METHOD
        case .bindQueue: AMQP_QUEUE_BIND_METHOD
        case .unbindQueue: AMQP_QUEUE_UNBIND_METHOD
        case .purgeQueue: AMQP_QUEUE_PURGE_METHOD
        case .deleteQueue: AMQP_QUEUE_DELETE_METHOD
        case .qos: AMQP_BASIC_QOS_METHOD
        case .consume: AMQP_BASIC_CONSUME_METHOD
        case .cancel: AMQP_BASIC_CANCEL_METHOD
        case .get: AMQP_BASIC_GET_METHOD
        case .ack: AMQP_BASIC_ACK_METHOD
        case .nack: AMQP_BASIC_NACK_METHOD
        case .reject: AMQP_BASIC_REJECT_METHOD
        case .confirmSelect: AMQP_CONFIRM_SELECT_METHOD
        case .transactionSelect: AMQP_TX_SELECT_METHOD
        }
    }

    /// Has the library write the method's arguments.
    ///
    /// - Returns: how many bytes that were; less than zero if there was no room.
    func encode(into encoded: amqp_bytes_t, _ pool: MemoryPool) -> CInt {
        func write<Fields>(_ fields: Fields) -> CInt {
            // A structure of C: no more than its bytes.
            withUnsafePointer(to: fields) { fields in
                amqp_encode_method(number, UnsafeMutableRawPointer(mutating: fields), encoded)
            }
        }
        func flag(_ value: Bool) -> amqp_boolean_t { value ? 1 : 0 }
        switch self {
        case .startOK(let properties, let mechanism, let response):
            return write(
                amqp_connection_start_ok_t(
                    client_properties: pool.table(properties),
                    mechanism: pool.text(mechanism),
                    response: pool.bytes(response),
                    locale: pool.text("en_US")
                )
            )
        case .tuneOK(let channelMax, let frameMax, let heartbeat):
            return write(
                amqp_connection_tune_ok_t(channel_max: channelMax, frame_max: frameMax, heartbeat: heartbeat)
            )
        case .open(let virtualHost):
            return write(
                amqp_connection_open_t(virtual_host: pool.text(virtualHost), capabilities: pool.text(""), insist: 0)
            )
        case .connectionClose(let code, let text):
            return write(
                amqp_connection_close_t(reply_code: code, reply_text: pool.text(text), class_id: 0, method_id: 0)
            )
        case .connectionCloseOK: return write(amqp_connection_close_ok_t())
        case .channelOpen: return write(amqp_channel_open_t(out_of_band: pool.text("")))
        case .channelFlowOK(let isActive): return write(amqp_channel_flow_ok_t(active: flag(isActive)))
        case .channelClose(let code, let text):
            return write(
                amqp_channel_close_t(reply_code: code, reply_text: pool.text(text), class_id: 0, method_id: 0)
            )
        case .channelCloseOK: return write(amqp_channel_close_ok_t())
        case .declareExchange(let exchange, let passive):
            var fields = amqp_exchange_declare_t()
            fields.exchange = pool.text(exchange.name)
            fields.type = pool.text(exchange.kind.rawValue)
            fields.passive = flag(passive)
            fields.durable = flag(exchange.isDurable)
            fields.auto_delete = flag(exchange.isAutoDeleted)
            fields.`internal` = flag(exchange.isInternal)
            fields.arguments = pool.table(exchange.arguments)
            return write(fields)
        case .deleteExchange(let name, let ifUnused):
            return write(
                amqp_exchange_delete_t(ticket: 0, exchange: pool.text(name), if_unused: flag(ifUnused), nowait: 0)
            )
        case .bindExchange(let binding):
            var fields = amqp_exchange_bind_t()
            fields.destination = pool.text(binding.destination)
            fields.source = pool.text(binding.source)
            fields.routing_key = pool.text(binding.routingKey)
            fields.arguments = pool.table(binding.arguments)
            return write(fields)
        case .unbindExchange(let binding):
            var fields = amqp_exchange_unbind_t()
            fields.destination = pool.text(binding.destination)
            fields.source = pool.text(binding.source)
            fields.routing_key = pool.text(binding.routingKey)
            fields.arguments = pool.table(binding.arguments)
            return write(fields)
        case .declareQueue(let queue, let passive):
            var fields = amqp_queue_declare_t()
            fields.queue = pool.text(queue.name)
            fields.passive = flag(passive)
            fields.durable = flag(queue.isDurable)
            fields.exclusive = flag(queue.isExclusive)
            fields.auto_delete = flag(queue.isAutoDeleted)
            fields.arguments = pool.table(queue.arguments)
            return write(fields)
        case .bindQueue(let binding):
            var fields = amqp_queue_bind_t()
            fields.queue = pool.text(binding.destination)
            fields.exchange = pool.text(binding.source)
            fields.routing_key = pool.text(binding.routingKey)
            fields.arguments = pool.table(binding.arguments)
            return write(fields)
        case .unbindQueue(let binding):
            var fields = amqp_queue_unbind_t()
            fields.queue = pool.text(binding.destination)
            fields.exchange = pool.text(binding.source)
            fields.routing_key = pool.text(binding.routingKey)
            fields.arguments = pool.table(binding.arguments)
            return write(fields)
        case .purgeQueue(let name):
            return write(amqp_queue_purge_t(ticket: 0, queue: pool.text(name), nowait: 0))
        case .deleteQueue(let name, let ifUnused, let ifEmpty):
            return write(
                amqp_queue_delete_t(
                    ticket: 0,
                    queue: pool.text(name),
                    if_unused: flag(ifUnused),
                    if_empty: flag(ifEmpty),
                    nowait: 0
                )
            )
        case .qos(let prefetch, let isGlobal):
            return write(amqp_basic_qos_t(prefetch_size: 0, prefetch_count: prefetch, global: flag(isGlobal)))
        case .consume(let queue, let consumer, let noAck, let exclusive, let arguments):
            var fields = amqp_basic_consume_t()
            fields.queue = pool.text(queue)
            fields.consumer_tag = pool.text(consumer)
            fields.no_ack = flag(noAck)
            fields.exclusive = flag(exclusive)
            fields.arguments = pool.table(arguments)
            return write(fields)
        case .cancel(let consumer):
            return write(amqp_basic_cancel_t(consumer_tag: pool.text(consumer), nowait: 0))
        case .get(let queue, let noAck):
            return write(amqp_basic_get_t(ticket: 0, queue: pool.text(queue), no_ack: flag(noAck)))
        case .ack(let tag, let multiple): return write(amqp_basic_ack_t(delivery_tag: tag, multiple: flag(multiple)))
        case .nack(let tag, let multiple, let requeue):
            return write(amqp_basic_nack_t(delivery_tag: tag, multiple: flag(multiple), requeue: flag(requeue)))
        case .reject(let tag, let requeue):
            return write(amqp_basic_reject_t(delivery_tag: tag, requeue: flag(requeue)))
        case .confirmSelect: return write(amqp_confirm_select_t(nowait: 0))
        case .transactionSelect: return write(amqp_tx_select_t())
        }
    }
}
