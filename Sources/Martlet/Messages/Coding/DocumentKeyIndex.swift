/// Finds the keys of an object that has many: a hash table of nodes, seeded like all of Swift's, so that nobody can
/// make keys that collide.
struct DocumentKeyIndex {
    /// A power of two, at least twice as many as there are keys; 0 is free, since no key is a document's first node.
    private var slots: [UInt32]

    init(count: Int) {
        var size = 64
        while size < count * 2 { size *= 2 }
        slots = Array(repeating: 0, count: size)
    }

    /// Puts a member in.
    ///
    /// - Returns: the member with the same key that it took the place of.
    mutating func insert(_ member: Int, hash: Int, isSame: (Int) -> Bool) -> Int? {
        let slot = self.slot(hash, isWanted: isSame)
        let former = slots[slot]
        slots[slot] = UInt32(truncatingIfNeeded: member)
        return former == 0 ? nil : Int(former)
    }

    /// The member of a key.
    func member(hash: Int, matches: (Int) -> Bool) -> Int? {
        let member = slots[slot(hash, isWanted: matches)]
        return member == 0 ? nil : Int(member)
    }

    /// The slot of a key, or the one that is free for it.
    private func slot(_ hash: Int, isWanted: (Int) -> Bool) -> Int {
        var slot = hash & (slots.count - 1)
        while slots[slot] != 0, !isWanted(Int(slots[slot])) { slot = (slot + 1) & (slots.count - 1) }
        return slot
    }

    static func hash(_ key: UnsafeBufferPointer<UInt8>) -> Int {
        var hasher = Hasher()
        hasher.combine(bytes: UnsafeRawBufferPointer(key))
        return hasher.finalize()
    }
}
