/// What a broker says to a client, as far as a client has to do with it.
enum ServerMethod: Sendable {
    struct Start: Sendable {
        var major: UInt8
        var minor: UInt8
        var properties: AMQPTable
        var mechanisms: [String]
    }

    struct Tune: Sendable {
        var channelMax: UInt16
        var frameMax: UInt32
        var heartbeat: UInt16
    }

    struct Delivery: Sendable {
        var consumer: String
        var tag: UInt64
        var isRedelivered: Bool
        var exchange: String
        var routingKey: String
        /// Whether the routing key is UTF-8. Of another one what is none of it has been replaced.
        var isKeyText = true
    }

    struct Returned: Sendable {
        var code: UInt16
        var text: String
        var exchange: String
        var routingKey: String
    }

    struct GetOK: Sendable {
        var tag: UInt64
        var isRedelivered: Bool
        var exchange: String
        var routingKey: String
        var messageCount: UInt32
    }

    struct Close: Sendable {
        var code: UInt16
        var text: String
        var method: UInt32
    }

    case start(Start)
    case secure
    case tune(Tune)
    case openOK
    case connectionClose(Close)
    case connectionCloseOK
    case blocked(String)
    case unblocked
    case channelFlow(isActive: Bool)
    case channelClose(Close)
    case channelCloseOK
    case deliver(Delivery)
    case returned(Returned)
    case ack(tag: UInt64, multiple: Bool)
    case nack(tag: UInt64, multiple: Bool)
    /// The broker cancelled a consumer.
    case cancel(consumer: String)
    /// The answer to something that was asked on a channel.
    case reply(Reply)

    /// The answers to the synchronous methods, in the order of which a channel's are awaited.
    enum Reply: Sendable {
        case channelOpened
        case exchangeDeclared
        case exchangeDeleted
        case exchangeBound
        case exchangeUnbound
        case queueDeclared(name: String, messages: UInt32, consumers: UInt32)
        case queueBound
        case queueUnbound
        case queuePurged(messages: UInt32)
        case queueDeleted(messages: UInt32)
        case qosSet
        case consuming(consumer: String)
        case cancelled(consumer: String)
        case got(GetOK)
        case gotNothing
        case confirmsSelected
        case recovered
        case transactionsSelected
    }
}
