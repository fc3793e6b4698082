/// Where a member of an open object lies among the bytes.
struct ObjectMember {
    /// Where it begins.
    var start: Int
    /// The text of its key, as it is written.
    var key: Range<Int>
    /// The earlier member of the same key that it takes the place of: its position in the list of members.
    var replaced: Int32?
    /// Whether a later member of the same key has taken its place.
    var isReplaced = false
    /// Whether its value can't be gone on with; see ``ValueEncoding/seal()``.
    var isSealed = false

    mutating func move(by distance: Int) {
        start += distance
        key = key.lowerBound + distance..<key.upperBound + distance
    }
}

/// Finds members of a large object by their keys. Of a small one all are looked at.
struct ObjectMemberIndex {
    private var positions: [UInt64: Int] = [:]
    /// How many of the object's members are in it.
    private var count = 0

    /// The latest of some members whose key is written like that at `key`.
    ///
    /// - Parameter members: those of one object, in their order; never fewer than the last time.
    mutating func latest(of key: Range<Int>, among members: ArraySlice<ObjectMember>, in bytes: borrowing ByteBuffer)
        -> Int?
    {
        for position in members.indices.dropFirst(count) { positions[bytes.hash(of: members[position].key)] = position }
        count = members.count
        guard let position = positions[bytes.hash(of: key)] else { return nil }
        if bytes.isEqual(members[position].key, key) { return position }
        // Two keys of one hash.
        return members.lastIndex { bytes.isEqual($0.key, key) }
    }
}

extension GrowingBuffer<UInt8> {
    /// Whether two stretches hold the same bytes.
    func isEqual(_ a: Range<Int>, _ b: Range<Int>) -> Bool {
        guard a.count == b.count else { return false }
        for offset in 0..<a.count where self[a.lowerBound + offset] != self[b.lowerBound + offset] { return false }
        return true
    }

    /// Whether one stretch comes before another in the order of their bytes.
    func precedes(_ a: Range<Int>, _ b: Range<Int>) -> Bool {
        for offset in 0..<min(a.count, b.count) {
            let (left, right) = (self[a.lowerBound + offset], self[b.lowerBound + offset])
            if left != right { return left < right }
        }
        return a.count < b.count
    }

    /// FNV-1a, of 64 bits.
    func hash(of range: Range<Int>) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for position in range { hash = (hash ^ UInt64(self[position])) &* 0x100_0000_01B3 }
        return hash
    }

    /// One of 64 bits, by which keys that differ are told apart most of the time.
    @inline(__always)
    func mark(of range: Range<Int>) -> UInt64 {
        guard let last = range.last else { return 1 }
        let sum =
            range.count &+ 3 &* Int(self[range.lowerBound]) &+ 5 &* Int(self[(range.lowerBound + last) / 2]) &+ 7
            &* Int(self[last])
        return 1 << UInt64(sum & 63)
    }
}
