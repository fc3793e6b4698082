import Martlet
import MartletConsole

/// One value of a series, as it travels.
struct Sample: Codable, Equatable, Sendable {
    var value: Double
    var unit: SeriesUnit
}

/// What the fleet's nodes agree on: the names of topics, procedures and actions, and the types of what travels.
enum FleetContracts {
    /// A series is a topic below this one, such as `telemetry.cpu.0`. No node is called so: the topics below a node's
    /// name are also its own, `machine.heartbeat` for one.
    static let telemetry = TopicName("telemetry")

    static func topic(of series: String) -> Topic<Sample> { Topic(telemetry.appending(series)) }

    static func series(of topic: TopicName) -> String { topic.segments.dropFirst().joined(separator: ".") }

    static let allSeries = TopicFilter<Sample>("telemetry.#")
    static let heartbeats = TopicFilter<Heartbeat>("*.heartbeat")

    /// Which series the archive has.
    static let list = RPC<NoPayload, [String]>("archive.list")
    /// The statistics of a series over a window.
    static let statistics = RPC<WindowRequest, WindowStatistics>("archive.statistics")
    /// The samples of a series as they come, up to a limit.
    static let follow = StreamingRPC<FollowRequest, Sample>("archive.follow")
    /// Sampling a series for a time.
    static let sample = Action<SamplingGoal, SamplingFeedback, WindowStatistics>("archive.sample")

    struct WindowRequest: Codable, Sendable {
        var series: String
        var seconds: Double
    }

    struct FollowRequest: Codable, Sendable {
        var series: String
        var limit: Int
    }

    struct SamplingGoal: Codable, Sendable {
        var series: String
        var seconds: Double
    }

    struct SamplingFeedback: Codable, Sendable {
        /// How much of the time is over, 0 to 1.
        var fraction: Double
        var samples: Int
    }
}
