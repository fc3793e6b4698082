extension Outcome {
    /// One row for each.
    static func table(_ outcomes: [Outcome]) -> Table {
        var table = Table([
            "workload", "Martlet", "C", "ratio", "target", "met", "calls", "C's", "CPU", "C's",
        ])
        for outcome in outcomes { table.append(outcome.row) }
        table.notes = [
            "C: the same on the C library, or what the workload's name says. ratio: Martlet ÷ C, the median of the pairs.",
            "calls: system calls per message; CPU: microseconds of processor time per message. -: not measured.",
        ]
        return table
    }

    /// How it went, in one line.
    var summary: String {
        if failure != nil { return "failed" }
        let quantity = workload.quantity
        let sides = [("Martlet", martlet.median(quantity)), ("C", rival?.median(quantity))]
        let figures = sides.compactMap { name, value in value.map { "\(name) \(quantity.text($0))" } }
        return (figures + (ratio.map { ["ratio \($0.decimals(2))"] } ?? [])).joined(separator: ", ")
    }

    private var row: [String] {
        let quantity = workload.quantity
        let figures = [martlet.median(quantity), rival?.median(quantity)].map { $0.map(quantity.text) ?? "-" }
        let judgement = isMet.map { $0 ? "yes" : "no" } ?? "failed"
        let costs = [martlet.systemCalls, rival?.systemCalls, martlet.cpuTime, rival?.cpuTime]
        return [workload.name] + figures
            + [ratio?.decimals(2) ?? "-", workload.goal.text(quantity), judgement]
            + costs.map { $0?.decimals(2) ?? "-" }
    }
}
