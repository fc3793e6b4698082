import Foundation

extension Outcome: Encodable {
    private enum CodingKeys: String, CodingKey {
        case workload, unit, martlet, c, ratio, target, isMet, systemCalls, cpuMicroseconds, runs, failure
    }

    private struct Pair<Value: Encodable>: Encodable {
        let martlet: Value?
        let c: Value?
    }

    /// An array with one object for each.
    static func json(_ outcomes: [Outcome]) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(outcomes), as: UTF8.self)
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        let quantity = workload.quantity
        try container.encode(workload.name, forKey: .workload)
        try container.encode(quantity.unit, forKey: .unit)
        try container.encodeIfPresent(martlet.median(quantity), forKey: .martlet)
        try container.encodeIfPresent(rival?.median(quantity), forKey: .c)
        try container.encodeIfPresent(ratio, forKey: .ratio)
        try container.encode(workload.goal.text(quantity), forKey: .target)
        try container.encodeIfPresent(isMet, forKey: .isMet)
        try container.encode(Pair(martlet: martlet.systemCalls, c: rival?.systemCalls), forKey: .systemCalls)
        try container.encode(Pair(martlet: martlet.cpuTime, c: rival?.cpuTime), forKey: .cpuMicroseconds)
        try container.encode(Pair(martlet: martlet.runs, c: rival?.runs), forKey: .runs)
        try container.encodeIfPresent(failure, forKey: .failure)
    }
}
