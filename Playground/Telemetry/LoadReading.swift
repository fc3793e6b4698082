#if canImport(Darwin)
import Darwin
#endif

/// How many tasks wanted to run, on average over the last one, five and fifteen minutes.
struct LoadReading: Codable, Equatable, Sendable {
    /// The average over one minute.
    var one: Double

    /// The average over five minutes.
    var five: Double

    /// The average over fifteen minutes.
    var fifteen: Double
}

extension LoadReading {
    /// Reads `/proc/loadavg`, such as `0.20 0.18 0.12 1/80 11206`.
    ///
    /// - Returns: `nil` unless the text begins with three numbers, none of them negative or infinite.
    init?(loadavg text: String) {
        let averages = text.split(whereSeparator: \.isWhitespace).prefix(3).compactMap { Double($0) }
        guard averages.count == 3, averages.allSatisfy({ $0.isFinite && $0 >= 0 }) else { return nil }
        self.init(one: averages[0], five: averages[1], fifteen: averages[2])
    }

    /// Looks at this machine's load.
    ///
    /// - Returns: `nil` if the system doesn't tell.
    static func current() -> LoadReading? {
        #if canImport(Darwin)
        var averages = [0.0, 0.0, 0.0]
        guard getloadavg(&averages, 3) == 3 else { return nil }
        return LoadReading(one: averages[0], five: averages[1], fifteen: averages[2])
        #else
        return SystemFile.text(at: "/proc/loadavg").flatMap { LoadReading(loadavg: $0) }
        #endif
    }
}
