package import Martlet

#if AMQP
import MartletAMQP
#endif
#if MQTT
import MartletMQTT
#endif
#if Redis
import MartletRedis
#endif

extension BrokerAddress {
    /// What the broker gives to a connection that is made with these options: known without one.
    ///
    /// - Throws: ``MessagingError/Code/invalidArgument`` if there is something wrong with the URL.
    package func capabilities(_ options: ConnectionOptions = ConnectionOptions()) throws -> Capabilities {
        switch self {
        case .embedded:
            return MemoryBroker.capabilities
        case .mqtt(let url):
            #if MQTT
            return try MQTTOptions(url: url, connection: options).capabilities
            #else
            throw Self.isWithout("MQTT", url)
            #endif
        case .amqp(let url):
            #if AMQP
            _ = try AMQPOptions(url: url, connection: options)
            return AMQPOptions.capabilities
            #else
            throw Self.isWithout("AMQP", url)
            #endif
        case .redis(let url):
            #if Redis
            _ = try RedisOptions(url: url, connection: options)
            return RedisOptions.capabilities
            #else
            throw Self.isWithout("Redis", url)
            #endif
        }
    }
}
