/// Puts a reply together of its parts, in the order in which they are on the wire. A pure value.
///
/// A reply that gets larger, or nested deeper, than it may be is rejected: of the rest of it only the parts are counted, and
/// when it is complete an error of this side's stands in its place.
struct ReplyBuilder {
    private struct OpenArray {
        var elements: [RedisValue] = []
        var missing: Int
    }

    /// How deep arrays may lie in one another.
    static let maximumDepth = 255
    /// How deep those of a rejected reply may, which are only counted.
    private static let maximumCounted = 1 << 16
    /// What each part of an array costs beside its bytes.
    private static let partCost = 16

    /// How many bytes a reply may have.
    let limit: Int
    private var open: [OpenArray] = []
    private var size = 0
    private var rejection: RedisError?

    init(limit: Int) {
        self.limit = limit
    }

    /// Whether the next part begins a reply.
    var isBetweenReplies: Bool { open.isEmpty && rejection == nil }

    /// Whether a part of so many bytes is to be kept, which is then counted. Otherwise it is to be thrown away.
    mutating func takesPart(bytes count: Int) -> Bool {
        guard rejection == nil else { return false }
        let (sum, overflow) = size.addingReportingOverflow(count + (open.isEmpty ? 0 : Self.partCost))
        size = sum
        if overflow || sum > limit { reject("it has more than \(limit) bytes") }
        return rejection == nil
    }

    /// The next part is complete.
    ///
    /// - Returns: the reply, if that was its last part.
    mutating func add(_ value: RedisValue) -> RedisValue? {
        var value = value
        while !open.isEmpty {
            let last = open.count - 1
            if rejection == nil { open[last].elements.append(value) }
            open[last].missing -= 1
            guard open[last].missing == 0 else { return nil }
            value = .array(open.removeLast().elements)
        }
        defer {
            size = 0
            rejection = nil
        }
        return rejection.map { .error($0) } ?? value
    }

    /// An array begins.
    ///
    /// - Returns: the reply, if it is an empty array.
    /// - Throws: `ReplyReader.Failure` for one that is no reply at all.
    mutating func begin(_ count: Int) throws -> RedisValue? {
        _ = takesPart(bytes: 0)
        guard count > 0 else { return add(.array([])) }
        if open.count >= Self.maximumDepth { reject("it is nested more than \(Self.maximumDepth) deep") }
        if rejection == nil, count > (limit - size) / Self.partCost { reject("it has more than \(limit) bytes") }
        guard open.count < Self.maximumCounted else {
            throw ReplyReader.Failure(reason: "arrays are nested more than \(Self.maximumCounted) deep")
        }
        var array = OpenArray(missing: count)
        // Not more than can be afforded on the word of a stranger.
        if rejection == nil { array.elements.reserveCapacity(min(count, 64)) }
        open.append(array)
        return nil
    }

    private mutating func reject(_ reason: String) {
        guard rejection == nil else { return }
        rejection = .unread(reason)
        for index in open.indices { open[index].elements = [] }
    }
}
