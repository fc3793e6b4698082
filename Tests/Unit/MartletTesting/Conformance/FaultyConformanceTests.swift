import Martlet
import MartletTesting
import Synchronization
import Testing

/// Promises hold on links with the faults that they survive.
@Suite(.timeLimit(.minutes(15))) struct FaultyConformanceTests {
    static let mixes: [FaultKinds] = [
        .delay, .duplicate, .reorder, .drop, .cut, [.delay, .duplicate, .reorder], .all,
    ]

    /// So many runs at a time: more would wait for each other, and time out.
    static let lanes: UInt64 = 16
    static let seeds: UInt64 = 240

    /// Each seed runs a few checks, with faults of a few kinds.
    @Test(arguments: 0..<lanes)
    func surviveTheFaultsOfEverySeed(lane: UInt64) async throws {
        for seed in stride(from: lane + 1, through: Self.seeds, by: Int(Self.lanes)) { await runSome(seed: seed) }
    }

    private func runSome(seed: UInt64) async {
        var generator = SplitMix64(seed: seed)
        let kinds = Self.mixes[Int(seed) % Self.mixes.count]
        let checks = ConformanceSuite.checks(tolerating: kinds).shuffled(using: &generator).prefix(3)
        for check in checks { await run(check, seed: seed, Faults(kinds, probability: 0.1)) }
    }

    /// Each check, with all that it survives at once.
    @Test(arguments: ConformanceSuite.checks)
    func survivesWhatItTolerates(_ check: ConformanceCheck) async throws {
        for seed in UInt64(1)...2 { await run(check, seed: seed, Faults(check.tolerates, probability: 0.15)) }
    }

    private func run(_ check: ConformanceCheck, seed: UInt64, _ faults: Faults) async {
        do {
            let broker = MemoryBroker()
            let connections = Atomic<UInt64>(0)
            try await check.run { options in
                let number = connections.add(1, ordering: .relaxed).newValue
                let connection = try await broker.connect(options: options)
                return try FaultyConnection(wrapping: connection, seed: seed << 8 | number, faults: faults)
            }
            #expect(broker.presence.clients.isEmpty)
        } catch {
            Issue.record("seed \(seed), \(faults.kinds): \(error)")
        }
    }
}
