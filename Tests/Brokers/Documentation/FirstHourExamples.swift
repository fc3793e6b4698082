import Foundation
import IntegrationSupport
import Martlet
import MartletMQTT
import MartletTesting
import Testing

// The program of the article on the first hour, as it shows it.

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

func askAndListen(on connection: any Connection) async throws {
    let readings = try await connection.subscribe(to: climate)
    let tank = try await connection.call(water, Watering(liters: 2.5))
    print("\(tank.remaining) liters are left")
    for try await reading in readings {
        print("\(reading.value.celsius) °C")
    }
}

@Suite(.serialized, .timeLimit(.minutes(10))) struct FirstHourExamples {
    @Test func onTheBrokerInTheProcess() async throws {
        let broker = MemoryBroker()
        let desk = try await broker.connect(name: "desk")
        let node = greenhouse(on: try await broker.connect(name: "greenhouse"))
        try await node.whileRunning {
            let tank = try await desk.call(water, Watering(liters: 2.5))
            print("\(tank.remaining) liters are left")
        }
    }

    /// Compiled, and not run: it goes on until a signal ends it, and has the port that brokers have.
    private func onABroker() async throws {
        try await MQTTConnection.withConnection(to: "mqtt://localhost") { broker in
            if CommandLine.arguments.contains("desk") {
                try await askAndListen(on: broker)
            } else {
                try await greenhouse(on: broker).runUntilSignal()
            }
        }
    }

    @Test func theDeskAsksAndListens() async throws {
        let server = try await MosquittoServer.shared()
        let url = "mqtt://127.0.0.1:\(server.port)"
        let node = greenhouse(on: try await MQTTConnection.connect(to: url))
        try await MQTTConnection.withConnection(to: url) { desk in
            try await node.whileRunning {
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { try? await askAndListen(on: desk) }
                    // The first liters are the desk's, and those that are missing mean that it has asked.
                    while (try? await desk.call(water, Watering(liters: 0)))?.remaining != 97.5 {}
                    group.cancelAll()
                }
            }
        }
        await node.connection.close()
    }

    @Test func theCallerInPythonIsUnderstood() async throws {
        let server = try await MosquittoServer.shared()
        let node = greenhouse(on: try await MQTTConnection.connect(to: "mqtt://127.0.0.1:\(server.port)"))
        let program = try #require(Self.blocks("python").first)
            .replacing("host=\"localhost\", port=1883", with: "host=\"127.0.0.1\", port=\(server.port)")
        let python = try await PythonEnvironment.interpreter()
        let output = try await node.whileRunning { try await Program.run(python, ["-c", program]) }
        #expect(output.split(separator: "\n").contains("97.5"), "\(output)")
        await node.connection.close()
    }

    @Test func theClimateIsToldEachMinute() async throws {
        let clock = TestClock()
        let broker = MemoryBroker()
        let connection = try await broker.connect(options: ConnectionOptions(clock: clock))
        let readings = try await broker.connect().subscribe(to: climate)
        try await greenhouse(on: connection).whileRunning {
            #expect(try await readings.next()?.value.celsius == 21.5)
            try await clock.waitForSleepers()
            clock.advance(by: .seconds(60))
            #expect(try await readings.next()?.value.celsius == 21.5)
        }
    }

    @Test func anEmptyTankIsAnError() async throws {
        let connection = try await MemoryBroker().connect()
        try await greenhouse(on: connection).whileRunning {
            let error = await #expect(throws: MessagingError.self) {
                try await connection.call(water, Watering(liters: 500))
            }
            #expect(error?.code == "tank-empty")
        }
    }

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

    // MARK: The article

    private static let article = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Sources/Martlet/Martlet.docc/AFirstHour.md")

    /// The pieces of the article that are in a language.
    private static func blocks(_ language: String) throws -> [String] {
        try String(contentsOf: article, encoding: .utf8).components(separatedBy: "```\(language)\n").dropFirst()
            .compactMap { $0.components(separatedBy: "\n```").first }
    }

    /// A package of the article's files, as they are, is what the package manager takes it for.
    @Test func theManifestIsRead() async throws {
        let folder = try TemporaryFolder("hour")
        defer { folder.remove() }
        let manifest = try #require(Self.blocks("swift").first { $0.hasPrefix("// swift-tools-version") })
        try FileManager.default.createDirectory(
            atPath: folder.path("greenhouse"),
            withIntermediateDirectories: true
        )
        try manifest.write(toFile: folder.path("greenhouse/Package.swift"), atomically: true, encoding: .utf8)
        let swift = try Program.find("swift", package: "swift")
        let told = try await Program.run(
            swift,
            ["package", "--package-path", folder.path("greenhouse"), "dump-package"],
            environment: ["HOME": folder.path]
        )
        for product in ["Martlet", "MartletMQTT", "MartletTesting"] { #expect(told.contains("\"\(product)\"")) }
    }
}
