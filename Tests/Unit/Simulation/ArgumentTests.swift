#if os(Linux)
import Martlet
import MartletTesting
import Testing

@testable import MartletSimulation

@Suite struct ArgumentTests {
    private static func parse(_ text: String) throws -> SimulationArguments {
        try SimulationArguments(text.split(separator: " ").map(String.init))
    }

    @Test func readsAllOptions() throws {
        let arguments = try Self.parse(
            "orders --seed 81274 --nodes 3 --rounds 2 --without cut,half-open --calm a,b --seeds 5 --seconds 1.5 --log calls"
        )
        #expect(arguments.scenarios == ["orders", "calls"])
        #expect(arguments.seed == 81_274)
        #expect(arguments.nodes == 3)
        #expect(arguments.rounds == 2)
        #expect(arguments.without == [.cut, .halfOpen])
        #expect(arguments.calm == ["a", "b"])
        #expect(arguments.seeds == 5)
        #expect(arguments.seconds == 1.5)
        #expect(arguments.isLogged)
    }

    @Test(arguments: [
        "--seed", "--seed x", "--seed -1", "--nodes 0", "--rounds -2", "--seeds 0", "--seconds 0", "--seconds x",
        "--without storms", "--frob", "-x",
    ])
    func refuses(_ text: String) {
        #expect(throws: MessagingError.self) { try Self.parse(text) }
    }

    @Test func theCommandThatReplaysSaysWhatTheWorldWas() throws {
        let scenario = Scenario("orders", nodes: 8, rounds: 4) { _ in }
        var options = WorldOptions(seed: 81_274, nodes: 3, rounds: 4)
        options.without = [.cut, .halfOpen]
        options.calm = ["b", "a"]
        let command = SimulationArguments.replay("martlet-simulate", scenario, options)
        #expect(command == "martlet-simulate orders --seed 81274 --nodes 3 --without cut,half-open --calm a,b")
        let read = try SimulationArguments(command.split(separator: " ").dropFirst().map(String.init))
        #expect(read.seed == options.seed)
        #expect(read.nodes == options.nodes)
        #expect(read.without == options.without)
        #expect(read.calm == options.calm)
    }
}
#endif
