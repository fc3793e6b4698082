/// What came of one workload.
struct Outcome: Sendable {
    let workload: Workload
    let martlet: Series
    let rival: Series?
    /// Why it could not be measured.
    let failure: String?

    init(_ workload: Workload, martlet: Series = Series(), rival: Series? = nil, failure: String? = nil) {
        self.workload = workload
        self.martlet = martlet
        self.rival = rival
        self.failure = failure
    }

    /// Martlet's figure ÷ the other's, the median of all pairs: what disturbs a pair disturbs both of it.
    var ratio: Double? {
        guard let rival else { return nil }
        let ratios = zip(martlet.runs, rival.runs).compactMap { pair -> Double? in
            guard let ours = pair.0[workload.quantity], let theirs = pair.1[workload.quantity], theirs > 0 else {
                return nil
            }
            return ours / theirs
        }
        return ratios.median
    }

    /// `nil` if nothing was measured.
    var isMet: Bool? {
        guard failure == nil else { return nil }
        return martlet.median(workload.quantity).map { workload.goal.isMet(value: $0, ratio: ratio) }
    }
}
