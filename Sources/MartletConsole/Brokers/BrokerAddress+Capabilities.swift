package import Martlet
import MartletAMQP
import MartletMQTT
import MartletRedis

extension BrokerAddress {
    /// What the broker gives to a connection that is made with these options: known without one.
    ///
    /// - Throws: ``MessagingError/Code/invalidArgument`` if there is something wrong with the URL.
    package func capabilities(_ options: ConnectionOptions = ConnectionOptions()) throws -> Capabilities {
        switch self {
        case .memory:
            return MemoryBroker.capabilities
        case .mqtt(let url):
            return try MQTTOptions(url: url, connection: options).capabilities
        case .amqp(let url):
            _ = try AMQPOptions(url: url, connection: options)
            return AMQPOptions.capabilities
        case .redis(let url):
            _ = try RedisOptions(url: url, connection: options)
            return RedisOptions.capabilities
        }
    }
}
