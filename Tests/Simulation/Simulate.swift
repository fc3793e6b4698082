import MartletSimulation

/// The worlds of this package's own. `martlet-simulate --help` lists the options.
@main struct Simulate {
    static func main() {
        #if os(Linux)
        Simulation.main {
            Scenario.calls
            Scenario.goals
            Scenario.lostClients
            Scenario.streams
            Scenario.brokenStreams
            Scenario.queues
            Scenario.topics
            Scenario.order
            Scenario.bridge
            Scenario.check
        }
        #else
        print("A simulation runs on Linux.")
        #endif
    }
}
