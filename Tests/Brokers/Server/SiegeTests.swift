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

    /// A broker in a process of its own.
    private struct Fortress: Sendable {
        let program: ProgramRun
        let port: Int
        let webSocket: Int
        private let reserved: [ReservedPort]

        init() async throws {
            reserved = try [ReservedPort(), ReservedPort()]
            (port, webSocket) = (reserved[0].number, reserved[1].number)
            program = try ProgramRun(
                ofPackage: "martlet",
                ["broker", "--port", "\(port)", "--ws", "\(webSocket)", "--report", "1h"]
            )
            try await program.waitForOutput(#""state":"listening""#)
        }

        func end() async throws {
            program.send(signal: SIGTERM)
            try await program.waitForEnd()
            #expect(program.output.contains(#""state":"ended""#))
        }
    }

    /// How long messages took.
    private struct Pace: CustomStringConvertible {
        private let times: [Duration]

        init(_ times: [Duration]) { self.times = times.sorted() }

        var description: String {
            func time(at share: Double) -> Int {
                times.isEmpty ? 0 : Int(times[Int(Double(times.count - 1) * share)] / .microseconds(1))
            }
            let mean = times.reduce(.zero, +) / max(times.count, 1) / .microseconds(1)
            return "\(times.count) in \(Int(mean)) us (\(time(at: 0.5)) median, \(time(at: 0.99)) for 99 %)"
        }
    }

    /// Whom the good clients use, whom the others attack, whether that goes on, and what was counted.
    private final class Siege: Sendable {
        let used: Fortress
        let attacked: Mutex<Fortress>
        let strikes = Atomic(0)
        private let times = Mutex<[Duration]>([])
        private let isOver = Atomic(false)

        init(_ used: Fortress, _ attacked: Fortress) {
            self.used = used
            self.attacked = Mutex(attacked)
        }

        var goesOn: Bool { !isOver.load(ordering: .relaxed) }
        func end() { isOver.store(true, ordering: .relaxed) }

        /// How long the good clients' messages take that are exchanged for some time.
        func pace(for seconds: Double) async throws -> Pace {
            times.withLock { $0 = [] }
            try await Task.sleep(for: .seconds(seconds))
            return Pace(times.withLock { $0 })
        }

        /// One publishes and one subscribes: each message has to come, once and in its order. They are as busy as devices are,
        /// and leave the processors to others meanwhile: whoever takes all that there is gets less of it beside anyone.
        func exchange(_ pair: Int) async throws {
            let reader = try await WireClient.connected(used.port, "reader-\(pair)")
            try await reader.subscribe(.init("good/\(pair)", qos: .atLeastOnce))
            let writer = try await WireClient.connected(used.port, "writer-\(pair)")
            var number = 0
            while goesOn {
                number += 1
                let id = UInt16(number % 60_000 + 1)
                let begun = ContinuousClock.now
                try await writer.publish("\(number)", to: "good/\(pair)", .atLeastOnce, id: id)
                #expect(try await writer.receive() == .puback(Acknowledgement(id)))
                #expect(try await reader.text() == "\(number)")
                let time = ContinuousClock.now - begun
                times.withLock { $0.append(time) }
                try await Task.sleep(until: begun + .milliseconds(20))
            }
        }

        func attack(_ attack: Attack, seed: Int) async {
            var random = SplitMix64(seed: UInt64(seed))
            while goesOn {
                let attacked = attacked.withLock { $0 }
                try? await attack.strike(attacked.port, webSocket: attacked.webSocket, &random)
                strikes.add(1, ordering: .relaxed)
                try? await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    /// Those who attack need this machine's processors as well: what they take from the good clients by that is seen while they
    /// attack another broker.
    @Test func goodClientsLoseNothingAndMemoryIsFlat() async throws {
        let (broker, other) = (try await Fortress(), try await Fortress())
        let siege = Siege(broker, other)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for pair in 0..<50 { group.addTask { try await siege.exchange(pair) } }
            let calm = try await siege.pace(for: Self.length / 8)
            for (seed, attack) in Attack.allCases.enumerated() {
                group.addTask { await siege.attack(attack, seed: seed) }
            }
            let beside = try await siege.pace(for: Self.length / 4)
            siege.attacked.withLock { $0 = broker }
            let first = try await siege.pace(for: Self.length / 2)
            let before = ProcessFigures.residentBytes(of: broker.program.processID)
            let second = try await siege.pace(for: Self.length / 2)
            let after = ProcessFigures.residentBytes(of: broker.program.processID)
            siege.end()
            try await group.waitForAll()
            print(
                "siege: \(siege.strikes.load(ordering: .relaxed)) strikes; messages: \(calm) without, \(beside) with "
                    + "them on another broker, \(first) and \(second) with them on this one; \(before >> 10) KiB, then "
                    + "\(after >> 10) KiB"
            )
            // What it keeps, such as retained messages and sessions, comes again under the same names.
            #expect(after < before + before / 4 + 16 << 20)
        }
        for broker in [broker, other] { try await broker.end() }
    }
}
#endif
