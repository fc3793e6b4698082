import Martlet
import MartletAMQP
import MartletService

/// Publishes by an exchange of AMQP, every second.
struct Publish: ServiceProgram {
    struct Result: Codable, Sendable { var result = 0 }

    let service: ServiceContext<AMQPConnection, NoSettings>

    var components: [any Component] {
        let publish = ExchangePublisher(to: "consume", key: "routing_key", on: service.connection, of: Result.self)
        Every(.seconds(1)) { try await publish(Result()) }
    }
}

/// Consumes what comes by the exchange. A message is acknowledged when its handler has returned.
struct Consume: ServiceProgram {
    let service: ServiceContext<AMQPConnection, NoSettings>

    var components: [any Component] {
        ConsumeExchange("consume", key: "routing_key", on: service.connection) { (body: Publish.Result) in
            print("got \(body.result)")
        }
    }
}
