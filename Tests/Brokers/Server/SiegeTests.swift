#if os(Linux)
import Foundation
import IntegrationSupport
import Martlet
import MartletMQTTWire
import MartletTesting
import Synchronization
import Testing

/// Twenty clients that mean no good, each in a way of its own, beside a hundred that keep the rules.
///
/// `MARTLET_SIEGE` says for how many seconds.
@Suite(.timeLimit(.minutes(30))) struct SiegeTests {
    private static let length = ProcessInfo.processInfo.environment["MARTLET_SIEGE"].flatMap(Double.init) ?? 8

    /// Where the broker listens, whether the siege goes on, and what was counted in it.
    private final class Siege: Sendable {
        let port: Int
        let webSocket: Int
        let messages = Atomic(0)
        let strikes = Atomic(0)
        private let isOver = Atomic(false)

        init(_ port: Int, _ webSocket: Int) { (self.port, self.webSocket) = (port, webSocket) }

        var goesOn: Bool { !isOver.load(ordering: .relaxed) }
        func end() { isOver.store(true, ordering: .relaxed) }

        /// One publishes and one subscribes: each message has to come, once and in its order.
        func exchange(_ pair: Int) async throws {
            let reader = try await WireClient.connected(port, "reader-\(pair)")
            try await reader.subscribe(.init("good/\(pair)", qos: .atLeastOnce))
            let writer = try await WireClient.connected(port, "writer-\(pair)")
            var number = 0
            while goesOn {
                number += 1
                let id = UInt16(number % 60_000 + 1)
                try await writer.publish("\(number)", to: "good/\(pair)", .atLeastOnce, id: id)
                #expect(try await writer.receive() == .puback(Acknowledgement(id)))
                #expect(try await reader.text() == "\(number)")
                messages.add(1, ordering: .relaxed)
            }
        }

        func attack(_ attack: Attack, seed: Int) async {
            var random = SplitMix64(seed: UInt64(seed))
            while goesOn {
                try? await attack.strike(port, webSocket: webSocket, &random)
                strikes.add(1, ordering: .relaxed)
                try? await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    @Test func goodClientsLoseNothingAndMemoryIsFlat() async throws {
        let ports = try [ReservedPort(), ReservedPort()]
        let broker = try ProgramRun(
            ofPackage: "martlet",
            ["broker", "--port", "\(ports[0].number)", "--ws", "\(ports[1].number)", "--report", "1h"]
        )
        try await broker.waitForOutput(#""state":"listening""#)
        let siege = Siege(ports[0].number, ports[1].number)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for pair in 0..<50 { group.addTask { try await siege.exchange(pair) } }
            try await Task.sleep(for: .seconds(Self.length / 8))
            let calm = Double(siege.messages.exchange(0, ordering: .relaxed)) / (Self.length / 8)
            for (seed, attack) in Attack.allCases.enumerated() {
                group.addTask { await siege.attack(attack, seed: seed) }
            }
            try await Task.sleep(for: .seconds(Self.length / 2))
            let before = ProcessFigures.residentBytes(of: broker.processID)
            try await Task.sleep(for: .seconds(Self.length / 2))
            let after = ProcessFigures.residentBytes(of: broker.processID)
            let besieged = Double(siege.messages.load(ordering: .relaxed)) / Self.length
            siege.end()
            try await group.waitForAll()
            print(
                "siege: \(siege.strikes.load(ordering: .relaxed)) strikes; \(Int(calm)) messages a second without, "
                    + "\(Int(besieged)) with; \(before >> 10) KiB, then \(after >> 10) KiB"
            )
            // What it keeps, such as retained messages and sessions, comes again under the same names.
            #expect(after < before + before / 4 + 16 << 20)
        }
        broker.send(signal: SIGTERM)
        try await broker.waitForEnd()
        #expect(broker.output.contains(#""state":"ended""#))
    }
}
#endif
