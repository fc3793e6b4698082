import IntegrationSupport
import Martlet
import MartletMQTT
import MartletTesting
import Testing

private let isOpen = Topic<Bool>("door.open")
private let unlock = RPC<Int, Bool>("door.unlock")

/// A sensor that fails the first time.
private actor Sensor {
    private var readings = 0

    func isOpen() throws -> Bool {
        readings += 1
        if readings == 1 { throw MessagingError("loose-contact", "the sensor does not answer") }
        return true
    }
}

private actor Lock {
    private(set) var openFor = Duration.zero

    func open(for time: Duration) -> Bool {
        openFor = time
        return true
    }
}

private func door(on connection: any Connection, sensor: Sensor, lock: Lock) -> Node {
    let options = NodeOptions(online: .standard, remoteControl: true)
    return Node("door", on: connection, options: options) {
        Every(.seconds(1)) { try await connection.publish(sensor.isOpen(), to: isOpen) }
            .named("sensor")
            .onFailure(.restart(Backoff(maximum: .seconds(10))))
        Respond(to: unlock) { seconds in await lock.open(for: .seconds(seconds)) }
    }
}

/// What the article on nodes shows.
@Suite(.timeLimit(.minutes(10))) struct NodeExamples {
    @Test func namesStandBelowABase() async throws {
        let connection = try await MemoryBroker().connect()
        let base: TopicName = "house.kitchen"
        let node = Node("lamp", on: connection, options: NodeOptions(base: base)) {
            Subscribe(to: TopicFilter<Bool>("set.#").below(base)) { message in print(message.rest, message.value) }
        }
        try await node.whileRunning { #expect(node.base == base) }
    }

    @Test func aSensorThatFailsLeavesTheLock() async throws {
        let broker = MemoryBroker()
        let desk = try await broker.connect(name: "desk")
        let readings = try await desk.subscribe(to: isOpen)
        let lock = Lock()
        try await door(on: try await broker.connect(), sensor: Sensor(), lock: lock).whileRunning {
            let isUnlocked = try await desk.call(unlock, 3)
            #expect(isUnlocked)
            #expect(await lock.openFor == .seconds(3))
            #expect(try await readings.next()?.value == true)
        }
    }

    /// Compiled, and not run: it goes on until a signal ends it, and has the port that brokers have.
    private func onABroker() async throws {
        let options = ConnectionOptions(will: Node.will(for: "door"))
        try await MQTTConnection.withConnection(to: "mqtt://localhost", connection: options) { connection in
            try await door(on: connection, sensor: Sensor(), lock: Lock()).runUntilSignal()
        }
    }

    private actor Pump {
        private(set) var aim = 0
        private(set) var checks = 0
        func aim(at target: Int) throws { aim = target }
        func check() throws { checks += 1 }
    }

    @Test func componentsTakeTurns() async throws {
        let connection = try await MemoryBroker().connect()
        let pump = Pump()
        let target = Topic<Int>("target")
        let node = Node("cellar", on: connection) {
            Consecutive {
                Subscribe(to: target) { message in try await pump.aim(at: message.value) }
                Every(.seconds(10)) { try await pump.check() }
            }
        }
        try await node.whileRunning {
            try await connection.publish(7, to: target)
            try await until { await pump.aim == 7 }
        }
    }
}
