import BridgeSupport
import Foundation
import Martlet
import MartletMQTT

/// A route of the chaos, from a broker to another one. All routes run at once.
enum ChaosRoute: String, Codable, CaseIterable, Sendable {
    case amqpToAMQP
    case redisToAMQP
    case amqpToRedis
    case amqpToMQTT
    case mqttToAMQP

    /// Those whose bridge is killed again and again. What comes from MQTT's topics is acknowledged when it arrives, so that
    /// a bridge that is killed loses what it has in hand.
    static let killed: [ChaosRoute] = [.amqpToAMQP, .redisToAMQP, .amqpToRedis, .amqpToMQTT]

    /// Which of the chaos's brokers.
    enum Place: String, Codable, CaseIterable, Sendable {
        case source
        case sink
        case redis
        case mqtt

        var kind: BrokerKind {
            switch self {
            case .source, .sink: .amqp
            case .redis: .redis
            case .mqtt: .mqtt
            }
        }
    }

    var places: (from: Place, to: Place) {
        switch self {
        case .amqpToAMQP: (.source, .sink)
        case .redisToAMQP: (.redis, .sink)
        case .amqpToRedis: (.source, .redis)
        case .amqpToMQTT: (.source, .mqtt)
        case .mqttToAMQP: (.mqtt, .sink)
        }
    }

    /// How many messages it has to pass on; the environment's MARTLET_CHAOS makes them more.
    var count: Int {
        let factor = ProcessInfo.processInfo.environment["MARTLET_CHAOS"].flatMap { Int($0) } ?? 1
        return factor * (self == .amqpToAMQP ? 50_000 : 12_000)
    }

    private var here: String { "here.\(rawValue)" }
    private var there: String { "there.\(rawValue)" }

    /// What the chaos is about.
    var route: Forward {
        let options = RouteOptions(guarantee: .atLeastOnce)
        switch self {
        case .amqpToAMQP, .redisToAMQP, .amqpToRedis:
            return Forward(queue: QueueName(here), toQueue: QueueName(there), options: options) { Self.marked($0) }
        case .amqpToMQTT:
            return Forward(queue: QueueName(here), as: there, options: options) { Self.marked($0) }
        case .mqttToAMQP:
            return Forward(TopicPattern(here), toQueue: QueueName(there), options: options) { Self.marked($0) }
        }
    }

    /// The route behind it, which nobody kills, to a broker in this process: it leaves out duplicates.
    var last: Forward {
        let options = RouteOptions(deduplication: count)
        guard self == .amqpToMQTT else {
            return Forward(queue: QueueName(there), options: options) { Self.marked($0) }
        }
        return Forward(TopicPattern(there), toQueue: QueueName(there), options: options) { Self.marked($0) }
    }

    var end: QueueName { QueueName(there) }

    static let again = "again"

    /// What a broker delivers again need not be in order.
    private static func marked(_ delivery: Delivery) -> Message {
        guard delivery.redeliveries > 0 else { return delivery.message }
        var message = delivery.message
        message.headers[again] = true
        return message
    }

    func feed(by connection: any Connection) async throws {
        if self == .mqttToAMQP {
            try await connection.publishNumbers(0..<count, to: TopicName(here))
        } else {
            try await connection.sendNumbers(count, to: QueueName(here))
        }
    }

    /// Connects, also while the broker is down.
    static func connect(to place: Place, _ ports: [Place: Int], _ name: String) async throws -> any Connection {
        let port = ports[place] ?? 0
        while true {
            do {
                guard place == .mqtt else { return try await place.kind.connect(name, port: port) }
                var options = MQTTOptions(
                    servers: [.init(host: "127.0.0.1", port: port)],
                    connection: ConnectionOptions(name: name),
                    session: .persistent(expiry: .seconds(3_600))
                )
                options.reconnect = Backoff(initial: .milliseconds(20), maximum: .milliseconds(200))
                return try await MQTTConnection.connect(options)
            } catch is MessagingError {
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }
}
