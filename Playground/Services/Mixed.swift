import Martlet
import MartletAMQP
import MartletRelay
import MartletService

/// Executes code of its own, and again when it has ended.
struct Worker: ServiceProgram {
    let service: ServiceContext<AMQPConnection, NoSettings>

    var components: [any Component] {
        Execute("my own stuff", backoff: Backoff(initial: .milliseconds(100), maximum: .milliseconds(100))) {
            print("my own stuff")
        }
    }
}

/// Several things in one service: what comes by an exchange is processed by another service's method.
struct Mixed: ServiceProgram {
    struct Reading: Codable, Sendable { var value: Int }

    let service: ServiceContext<AMQPConnection, NoSettings>

    var components: [any Component] {
        let other = MethodClient(of: "myotherservice", on: service.connection, style: .farine)
        ConsumeExchange("readings", key: "mixed", on: service.connection) { (reading: Reading) in
            let result: Int = try await other.call("process", reading)
            print("\(reading.value) is processed to \(result)")
        }
    }
}

/// The same for the events of a server of the web, which its settings name.
struct Feed: ServiceProgram {
    struct Settings: Decodable, Sendable { var endpoint: String }

    let service: ServiceContext<AMQPConnection, Settings>

    var components: [any Component] {
        let other = MethodClient(of: "myotherservice", on: service.connection, style: .farine)
        FollowEvents(service.settings.endpoint, of: Mixed.Reading.self) { reading in
            let result: Int = try await other.call("process", reading)
            print("\(reading.value) is processed to \(result)")
        }
    }
}
