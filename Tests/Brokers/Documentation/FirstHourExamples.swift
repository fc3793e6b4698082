import Martlet
import MartletTesting
import Testing

// The node of the article on the first hour, with which others go on. `Tests/firstHour` follows that article itself.

struct Climate: Codable, Sendable {
    var celsius: Double
}

struct Watering: Codable, Sendable, Defaulted {
    var liters = 1.0
}

struct Tank: Codable, Sendable {
    var remaining: Double
}

let climate = Topic<Climate>("greenhouse.climate")
let water = RPC<Watering, Tank>("greenhouse.water")

actor Pump {
    private var liters = 100.0

    func take(_ amount: Double) throws -> Double {
        guard amount <= liters else { throw MessagingError("tank-empty", "\(liters) liters are left") }
        liters -= amount
        return liters
    }
}

func greenhouse(on connection: any Connection) -> Node {
    let pump = Pump()
    return Node("greenhouse", on: connection) {
        Respond(to: water) { request in Tank(remaining: try await pump.take(request.liters)) }
        Every(.seconds(60)) { try await connection.publish(Climate(celsius: 21.5), to: climate) }
    }
}

@Suite(.timeLimit(.minutes(10))) struct FirstHourExamples {
    /// The article on testing goes on with it.
    @Test func faultsFromASeed() async throws {
        let broker = MemoryBroker()
        let desk = try await broker.connect(name: "desk")
        try await greenhouse(on: try await broker.connect()).whileRunning {
            let faults = Faults(delay: 0.5, reorder: 0.5)
            let tank = try await withFaultyConnection(wrapping: desk, seed: 7, faults: faults) { faulty in
                try await faulty.call(water, Watering(liters: 2.5))
            }
            #expect(tank.remaining == 97.5)
        }
    }

    /// What is missing from a request has its default, as the article says.
    @Test func aRequestOfNothingIsForOneLiter() async throws {
        let connection = try await MemoryBroker().connect()
        try await greenhouse(on: connection).whileRunning {
            let tank = try await connection.call(RPC<Martlet.JSON, Tank>(water.name), [:])
            #expect(tank.remaining == 99)
        }
    }
}
