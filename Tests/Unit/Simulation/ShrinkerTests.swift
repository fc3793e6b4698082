#if os(Linux)
import MartletTesting
import Testing

@testable import MartletSimulation

@Suite struct ShrinkerTests {
    private static let start = WorldOptions(seed: 7, nodes: 8, rounds: 5)

    private static func report(_ text: String?, links: [String] = ["a", "b", "c"]) -> SimulationReport {
        SimulationReport(
            seed: 7,
            failure: text.map { SimulationFailure(.violation, $0) },
            jobs: 1,
            duration: .zero,
            schedule: 0,
            events: 0,
            faultyLinks: links,
            log: []
        )
    }

    @Test func findsTheSmallestThatFails() throws {
        // Needs a cut, three nodes, two rounds, and the faults of link b.
        let shrinker = Shrinker { options in
            let fails =
                !options.without.contains(.cut) && options.nodes >= 3 && options.rounds >= 2
                && !options.calm.contains("b")
            return Self.report(fails ? "lost \(options.nodes)" : nil)
        }
        let (smallest, report) = try shrinker.shrink(Self.start, Self.report("lost 8"))
        var expected = Self.start
        expected.nodes = 3
        expected.rounds = 2
        expected.without = [.delay, .duplicate, .reorder, .drop, .halfOpen, .bandwidth]
        expected.calm = ["a", "c"]
        #expect(smallest == expected)
        #expect(report.failure?.description == "lost 3")
    }

    @Test func anotherFailureIsNotFollowed() throws {
        let shrinker = Shrinker { options in Self.report(options.nodes < 8 ? "another" : "lost 1") }
        #expect(try shrinker.shrink(Self.start, Self.report("lost 8")).0.nodes == 8)
    }

    @Test func givesUpAfterSoManyWorlds() throws {
        var runs = 0
        let shrinker = Shrinker(
            run: { _ in
                runs += 1
                return Self.report("lost 1")
            },
            limit: 3
        )
        _ = try shrinker.shrink(Self.start, Self.report("lost 1"))
        #expect(runs == 3)
    }

    @Test func whatDoesNotFailIsNotShrunk() throws {
        let shrinker = Shrinker { _ in
            Issue.record("a world was run")
            return Self.report(nil)
        }
        #expect(try shrinker.shrink(Self.start, Self.report(nil)).0 == Self.start)
    }
}
#endif
