#if os(Linux)
import MartletSimulation
import MartletTesting

extension World {
    /// How bad the links of the world are: one in three is much worse than those that a network gives.
    var weather: Faults {
        guard seed.isMultiple(of: 3) else { return .flaky }
        var faults = Faults(.all, probability: 0.15)
        faults.maximumDelay = .milliseconds(50)
        faults.maximumOutage = .milliseconds(500)
        faults.bandwidth = 50_000
        return faults
    }
}
#endif
