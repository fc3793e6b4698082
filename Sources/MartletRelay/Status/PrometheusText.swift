import Martlet

/// Figures as Prometheus reads them (its text format, version 0.0.4). A pure value.
struct PrometheusText: Sendable {
    /// What the format is called.
    static let mediaType = "text/plain; version=0.0.4; charset=utf-8"

    enum Kind: String, Sendable {
        case counter, gauge
    }

    /// One value of a metric, and what it is of.
    struct Sample: Sendable {
        let labels: KeyValuePairs<String, String>
        let value: Double
    }

    private(set) var text = ""

    /// Adds a metric, with all of its values.
    ///
    /// - Parameters:
    ///   - name: as Prometheus wants it: of ASCII's small letters and `_`, a counter's with `_total` at its end.
    ///   - meaning: what it says.
    mutating func add(_ name: String, _ kind: Kind, _ meaning: String, _ samples: [Sample]) {
        guard !samples.isEmpty else { return }
        text += "# HELP \(name) \(Self.escaped(meaning))\n# TYPE \(name) \(kind)\n"
        for sample in samples {
            let labels = sample.labels.map { "\($0)=\"\(Self.escaped($1, inQuotes: true))\"" }.joined(separator: ",")
            text += "\(name){\(labels)} \(Self.number(sample.value))\n"
        }
    }

    private static func number(_ value: Double) -> String {
        Int(exactly: value).map(String.init) ?? "\(value)"
    }

    private static func escaped(_ text: String, inQuotes: Bool = false) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where inQuotes: result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

extension PrometheusText {
    /// How a bridge's routes stand, and its links.
    init(of bridge: Bridge) {
        let (reports, health) = (bridge.reports, bridge.health)
        func samples(_ value: (RouteStatistics) -> Double) -> [Sample] {
            reports.map { report in
                Sample(labels: ["bridge": bridge.name, "route": report.plan.name], value: value(report.statistics))
            }
        }
        for figure in RouteFigure.all {
            let name = "martlet_route_" + Self.snakeCase(figure.name) + (figure.isCounter ? "_total" : "")
            add(name, figure.isCounter ? .counter : .gauge, figure.meaning, samples { Double(figure.value($0)) })
        }
        let lag = "How long the last message took from coming in to being taken by the sink."
        add("martlet_route_lag_seconds", .gauge, lag, samples { $0.lag.seconds })
        let running = health.map { part in
            Sample(labels: ["bridge": bridge.name, "route": part.name], value: part.state == .running ? 1 : 0)
        }
        add("martlet_route_up", .gauge, "Whether the route passes messages on.", running)
        let ends: [(side: String, connection: any Connection)] = [("from", bridge[.from]), ("to", bridge[.to])]
        func ofEnds(_ value: (any Connection) -> Double) -> [Sample] {
            ends.map { Sample(labels: ["bridge": bridge.name, "side": $0.side], value: value($0.connection)) }
        }
        add("martlet_link_up", .gauge, "Whether there is a link.", ofEnds { $0.state == .connected ? 1 : 0 })
        add(
            "martlet_link_failures_total",
            .counter,
            "Links that were lost, or could not be had.",
            ofEnds { Double($0.statistics.linkFailures) }
        )
    }

    /// `storeDropped` is `store_dropped`.
    private static func snakeCase(_ name: String) -> String {
        name.reduce(into: "") { $0 += $1.isUppercase ? "_\($1.lowercased())" : String($1) }
    }
}
