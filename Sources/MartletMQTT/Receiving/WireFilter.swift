/// Filters and topics as they are on the wire.
enum WireFilter {
    /// Whether a filter, without its group, matches a topic (MQTT 5, 4.7). It compares bytes: to make a name of each topic would
    /// cost more than all else that a reply does on its way to its caller.
    static func matches(_ filter: String, _ topic: String) -> Bool {
        var (filter, topic) = (filter, topic)
        return filter.withUTF8 { filter in topic.withUTF8 { matches(filter, $0) } }
    }

    private static func matches(_ filter: UnsafeBufferPointer<UInt8>, _ topic: UnsafeBufferPointer<UInt8>) -> Bool {
        let (one, rest, separator) = (UInt8(ascii: "+"), UInt8(ascii: "#"), UInt8(ascii: "/"))
        if topic.first == UInt8(ascii: "$"), filter.first == one || filter.first == rest { return false }
        var place = 0
        for (index, byte) in filter.enumerated() {
            if byte == rest { return true }
            if byte == one {
                while place < topic.count, topic[place] != separator { place += 1 }
            } else if place < topic.count, topic[place] == byte {
                place += 1
            } else {
                // The rest may be nothing, not even what stands before it.
                return place == topic.count && index + 2 == filter.count && byte == separator
                    && filter[index + 1] == rest
            }
        }
        return place == topic.count
    }
}
