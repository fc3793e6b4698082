/// How long so many things took.
struct Measurement: Sendable {
    let count: Int
    let duration: Duration

    init(_ count: Int, _ body: () async throws -> Void) async throws {
        let start = ContinuousClock.now
        try await body()
        self.count = count
        duration = ContinuousClock.now - start
    }

    var nanosecondsEach: Double { duration / .nanoseconds(1) / Double(max(1, count)) }

    var perSecond: Double { 1e9 / nanosecondsEach }
}

extension [Double] {
    /// The value in the middle; 0 of none.
    var median: Double {
        let values = sorted()
        guard !values.isEmpty else { return 0 }
        let middle = values.count / 2
        return values.count.isMultiple(of: 2) ? (values[middle - 1] + values[middle]) / 2 : values[middle]
    }
}
