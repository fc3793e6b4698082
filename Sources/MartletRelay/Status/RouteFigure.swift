package import Martlet

/// One of the figures of a route, and how it is told.
package struct RouteFigure: Sendable {
    /// As it is in `RouteStatistics`.
    package let name: String
    /// What it counts, in a few words.
    let meaning: String
    /// Whether it only grows.
    var isCounter = true
    /// Its value.
    package let value: @Sendable (RouteStatistics) -> Int

    /// All that are numbers of messages, or of events.
    package static let all = [
        RouteFigure(name: "received", meaning: "Messages that came in.") { $0.received },
        RouteFigure(name: "forwarded", meaning: "Messages that the sink has taken.") { $0.forwarded },
        RouteFigure(name: "dropped", meaning: "Messages that were not passed on, for whatever reason.") { $0.dropped },
        RouteFigure(name: "retried", meaning: "Attempts beyond the first.") { $0.retried },
        RouteFigure(name: "dead", meaning: "Messages that became dead letters.") { $0.dead },
        RouteFigure(name: "inFlight", meaning: "Messages under way to the sink.", isCounter: false) { $0.inFlight },
        RouteFigure(name: "stored", meaning: "Messages on disk.", isCounter: false) { $0.stored },
        RouteFigure(name: "filtered", meaning: "Dropped by the route's filter.") { $0.filtered },
        RouteFigure(name: "sampledOut", meaning: "Dropped by the route's sampling.") { $0.sampledOut },
        RouteFigure(name: "unchanged", meaning: "Dropped as the topic had that body already.") { $0.unchanged },
        RouteFigure(name: "overRate", meaning: "Dropped by the rate limit.") { $0.overRate },
        RouteFigure(name: "looped", meaning: "Dropped as they had passed this bridge before.") { $0.looped },
        RouteFigure(name: "duplicates", meaning: "Dropped as they had arrived before.") { $0.duplicates },
        RouteFigure(name: "lost", meaning: "Dropped without a dead letter.") { $0.lost },
        RouteFigure(name: "overflowed", meaning: "Dropped as the sink was too slow.") { $0.overflowed },
        RouteFigure(name: "storeDropped", meaning: "Dropped from the disk, or before they were there.") {
            $0.storeDropped
        },
        RouteFigure(name: "storeFailures", meaning: "Failures of the disk.") { $0.storeFailures },
    ]
}
