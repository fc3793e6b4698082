extension Headers {
    private static let redeliveries = "redeliveries"

    /// Takes off the header that says how often a message had been delivered before, where the broker itself does not count.
    ///
    /// - Returns: that number; 0 if there is none. Any peer may have written it.
    package mutating func takeRedeliveries() -> Int {
        defer { self[Self.redeliveries] = nil }
        return (integer(Self.redeliveries) ?? 0).asDeliveries
    }

    /// Says that a message goes back to its queue which had been delivered so often before, and once more now.
    package mutating func countDelivery(after redeliveries: Int) {
        self[Self.redeliveries] = .integer(Int64((redeliveries.asDeliveries + 1).asDeliveries))
    }
}

extension Int {
    /// A number of deliveries from outside, as one that can be counted on with.
    var asDeliveries: Int { Swift.min(Swift.max(0, self), Int(Int32.max)) }
}
