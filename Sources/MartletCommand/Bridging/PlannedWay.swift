import Martlet
import MartletBrokers
import MartletSettings

/// What one way of a route will do, with all that is told of it.
struct PlannedWay: Sendable {
    let plan: RoutePlan
    let route: RouteSettings
    /// What the brokers are called, without their secrets.
    let source: String
    let sink: String

    /// What a bridge will do. Nothing is connected to, and no store is opened.
    ///
    /// - Parameter arguments: what its connections are made with.
    /// - Throws: ``Failure`` or ``SettingsError`` for what is wrong, or can't be given.
    static func list(for settings: BridgeSettings, _ arguments: ConnectionArguments) throws -> [PlannedWay] {
        let ends = BridgeEnds(
            from: try end(settings.from, .from, settings, arguments),
            to: try end(settings.to, .to, settings, arguments)
        )
        var ways: [PlannedWay] = []
        for route in settings.routes {
            if case .sink(let sink) = settings.to.address, !route.kind.onlyPublishes {
                throw SettingsError(
                    "\(sink) only takes what is published: there go topics, forth, and queues whose messages become topics",
                    path: route.path,
                    at: route.place
                )
            }
            if case .source(let source) = settings.from.address, !route.kind.onlySubscribes {
                throw SettingsError(
                    "\(source) is only read: from there go topics, forth",
                    path: route.path,
                    at: route.place
                )
            }
            if let letters = route.options.deadLetters, !settings.end(letters.side ?? .from).address.isBroker {
                throw SettingsError(
                    "its dead letters go to a queue, of which \(settings.end(letters.side ?? .from).address) has none",
                    path: route.path,
                    at: route.place
                )
            }
            do {
                for plan in try route.route.plans(between: ends, options: settings.options) {
                    ways.append(
                        PlannedWay(
                            plan: plan,
                            route: route,
                            source: ends[plan.source].name,
                            sink: ends[plan.source.other].name
                        )
                    )
                }
            } catch let error as MessagingError {
                throw SettingsError(error.message, path: route.path, at: route.place)
            }
            if route.options.isDurable, settings.name == nil {
                throw SettingsError(
                    "it is durable, and the bridge has no name by which it would find what was kept for it",
                    path: route.path,
                    at: route.place
                )
            }
        }
        do {
            // What concerns them all: loops, and the bridge's own options.
            _ = try Bridge.plan(
                between: ends,
                areOne: settings.endsAreOne,
                name: settings.bridgeName,
                options: settings.options
            ) { settings.routes.map(\.route) }
        } catch let error as MessagingError {
            throw SettingsError(error.message)
        }
        return ways
    }

    private static func end(
        _ end: BridgeSettings.End,
        _ side: BridgeSide,
        _ settings: BridgeSettings,
        _ arguments: ConnectionArguments
    ) throws -> BridgeEnd {
        let options = settings.connection(end, side: side, arguments)
        do {
            let capabilities = try end.address.capabilities(options)
            // Its options, files of certificates and the like, would only be in the way.
            return BridgeEnd(name: String("\(end.address)".prefix { $0 != "?" }), capabilities: capabilities)
        } catch let error as MessagingError {
            throw SettingsError(error.message, path: side == .from ? "from" : "to")
        }
    }

    /// How surely messages arrive, in a few words.
    var guarantee: String {
        guard let guarantee = plan.guarantee else { return "answered, or told why not" }
        switch (guarantee.guarantee, guarantee.outlivesBridge) {
        case (.atMostOnce, _): return "at most once"
        case (_, false): return "at least once while the bridge lives"
        case (_, true): return "at least once"
        }
    }
}
