/// What a client says to a broker. All texts have been checked: see ``ShortText``.
enum ClientMethod: Sendable {
    case startOK(properties: AMQPTable, mechanism: String, response: [UInt8])
    case tuneOK(channelMax: UInt16, frameMax: UInt32, heartbeat: UInt16)
    case open(virtualHost: String)
    case connectionClose(code: UInt16, text: String)
    case connectionCloseOK
    case channelOpen
    case channelFlowOK(isActive: Bool)
    case channelClose(code: UInt16, text: String)
    case channelCloseOK
    case declareExchange(AMQPExchange, passive: Bool)
    case deleteExchange(String, ifUnused: Bool)
    case bindExchange(AMQPBinding)
    case unbindExchange(AMQPBinding)
    case declareQueue(AMQPQueue, passive: Bool)
    case bindQueue(AMQPBinding)
    case unbindQueue(AMQPBinding)
    case purgeQueue(String)
    case deleteQueue(String, ifUnused: Bool, ifEmpty: Bool)
    case qos(prefetch: UInt16, isGlobal: Bool)
    case consume(queue: String, consumer: String, noAck: Bool, exclusive: Bool, arguments: AMQPTable)
    case cancel(consumer: String)
    case get(queue: String, noAck: Bool)
    case ack(tag: UInt64, multiple: Bool)
    case nack(tag: UInt64, multiple: Bool, requeue: Bool)
    case reject(tag: UInt64, requeue: Bool)
    case confirmSelect
    case transactionSelect

    /// No fewer bytes than its frame has, for those that may be large.
    var sizeBound: Int {
        switch self {
        case .startOK(let properties, _, let response): properties.sizeBound + response.count + 1_024
        case .declareExchange(let exchange, _): exchange.arguments.sizeBound + 1_024
        case .declareQueue(let queue, _): queue.arguments.sizeBound + 1_024
        case .bindExchange(let binding), .unbindExchange(let binding), .bindQueue(let binding),
            .unbindQueue(let binding):
            binding.arguments.sizeBound + 1_024
        case .consume(_, _, _, _, let arguments): arguments.sizeBound + 1_024
        default: 1_024
        }
    }
}
