/// What a broker carries beside a message and headers have no place for. It goes with the message to whoever hands it on.
package final class NativeProperties: Sendable {
    /// All headers in the order in which they came, where names came several times; otherwise none. Of ``Headers`` the last of a
    /// name counts.
    package let fields: [Headers.Element]
    /// MQTT's payload format indicator: whether the body is said to be text.
    package let isText: Bool?
    /// When the message is worthless, as far as that is known.
    package let expires: ContinuousClock.Instant?
    /// Of a request that came as the broker's own protocol has it, without an envelope: what ties its answer to it, which is
    /// to be as bare; empty where the caller needs nothing of that kind.
    package let correlation: [UInt8]?
    /// Whether the body is known to be JSON, since the codec of that has made it. No header says so.
    package let isJSON: Bool

    /// Of a body that the codec of JSON has made.
    package static let json = NativeProperties(isJSON: true)

    package init(
        fields: [Headers.Element] = [],
        isText: Bool? = nil,
        expires: ContinuousClock.Instant? = nil,
        correlation: [UInt8]? = nil,
        isJSON: Bool = false
    ) {
        self.fields = fields
        self.isText = isText
        self.expires = expires
        self.correlation = correlation
        self.isJSON = isJSON
    }
}

extension Headers {
    /// All headers, for brokers where a name may stand several times: those of a message that came so, each as often and in
    /// that order, as far as they have not been changed since; then the others.
    package var all: [Element] {
        guard let came = native?.fields, !came.isEmpty else { return fields }
        var current: [ByteKey: HeaderValue] = [:]
        for (name, value) in self { current[ByteKey(name)] = value }
        var last: [ByteKey: Int] = [:]
        for (place, field) in came.enumerated() { last[ByteKey(field.name)] = place }
        var all: [Element] = []
        for (place, field) in came.enumerated() {
            let key = ByteKey(field.name)
            guard let value = current[key], let end = last[key] else { continue }
            // One that was changed has one value.
            if value == came[end].value {
                all.append(field)
            } else if place == end {
                all.append((field.name, value))
            }
        }
        return all + filter { last[ByteKey($0.name)] == nil }
    }
}
