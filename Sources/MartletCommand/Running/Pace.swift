import Martlet

/// Lets things happen so many times a second, and evenly.
struct Pace {
    private let interval: Duration?
    private let start = ContinuousClock.now
    private var count = 0

    /// - Parameter rate: how many a second; `nil`: as fast as it goes.
    init(_ rate: Double?) {
        interval = rate.map { .seconds(1 / $0) }
    }

    /// Returns when it is time for the next one.
    mutating func wait() async throws {
        guard let interval else { return try Task.checkCancellation() }
        try await Task.sleep(until: start + interval * count)
        count += 1
    }
}
