/// The bytes of one value, found well-formed, with an outline of what is where in them.
///
/// It is the same for every format: they differ in how the outline is made and in the kinds of its nodes. An object's
/// keys are looked for from the place of the last one found, so members that are read in their order are found at
/// once; of keys that occur twice the last counts.
final class Document {
    let bytes: [UInt8]
    let format: EncodingFormat
    let userInfo: [CodingUserInfoKey: any Sendable]
    // Nobody but one decoder uses these, and no access to one of them calls anything that could use it again; checked
    // at run time, they would cost a fifth of the whole.
    @exclusivity(unchecked) private var nodes: GrowingBuffer<DocumentNode>
    /// The keys of objects with many, by the node of the object.
    @exclusivity(unchecked) private var indexes: [Int: DocumentKeyIndex] = [:]
    /// The documents of types that have defaults, and `nil` for those that have none, as far as they were asked for.
    @exclusivity(unchecked) var defaults: [ObjectIdentifier: Document?] = [:]
    /// Whether it is such a document itself: it lacks nothing, and what it does not have is to be missing.
    var isOfDefaults = false
    /// Up to so many keys are compared one by one.
    private static let longestLinear = 24

    private init(
        bytes: [UInt8],
        outline: consuming DocumentOutline,
        format: EncodingFormat,
        userInfo: [CodingUserInfoKey: any Sendable]
    ) {
        self.bytes = bytes
        self.format = format
        nodes = outline.finished()
        self.userInfo = userInfo
    }

    /// - Throws: a `DecodingError` if the bytes are none.
    convenience init(
        _ bytes: [UInt8],
        format: EncodingFormat,
        userInfo: [CodingUserInfoKey: any Sendable] = [:]
    ) throws {
        switch format {
        case .json:
            self.init(bytes: bytes, outline: try JSONCodec.outline(of: bytes), format: format, userInfo: userInfo)
        case .messagePack:
            self.init(
                bytes: bytes,
                outline: try MessagePackCodec.outline(of: bytes),
                format: format,
                userInfo: userInfo
            )
        }
    }

    /// A document that is nothing but null.
    static func null(_ format: EncodingFormat, userInfo: [CodingUserInfoKey: any Sendable]) -> Document {
        var outline = DocumentOutline(count: 0)
        outline.add(.null, 0..<0)
        return Document(bytes: [], outline: outline, format: format, userInfo: userInfo)
    }

    subscript(node: Int) -> DocumentNode { nodes[node] }

    func kind(of node: Int) -> DocumentNode.Kind { nodes[node].kind }

    /// The node after a value and all that is in it.
    func next(after node: Int) -> Int { Int(nodes[node].next) }

    /// Where a scalar's bytes stand.
    func range(of node: Int) -> Range<Int> {
        let node = nodes[node]
        return Int(node.start)..<Int(node.start) + Int(node.count)
    }

    /// Has to be done before members of an object are looked for: finds the keys that occur twice.
    func prepare(object: Int) {
        guard nodes[object].count <= Self.longestLinear else {
            if indexes[object] == nil { indexKeys(of: object) }
            return
        }
        let end = next(after: object)
        var member = object + 1
        while member < end {
            let following = next(after: member + 1)
            var other = following
            while other < end {
                if isSameKey(member, other) {
                    nodes[member].isShadowed = true
                    break
                }
                other = next(after: other + 1)
            }
            member = following
        }
    }

    /// The value of a key; `nil` if the object has no such member.
    ///
    /// - Parameter isLast: whether the next key that is looked for is likely to be the next one, not the same again.
    func value(of key: String, in object: Int, isLast: Bool = true) -> Int? {
        var key = key
        return key.withUTF8 { key in
            guard let member = member(key, in: object) else { return nil }
            nodes[object].start = isLast ? nodes[member + 1].next : UInt32(truncatingIfNeeded: member)
            return member + 1
        }
    }

    /// The keys of an object, each once, in the order of the document.
    func keys(of object: Int) -> [String] {
        var keys: [String] = []
        keys.reserveCapacity(Int(nodes[object].count))
        let end = next(after: object)
        var member = object + 1
        while member < end {
            if !nodes[member].isShadowed { keys.append(keyText(of: member)) }
            member = next(after: member + 1)
        }
        return keys
    }

    /// Where the elements or members of an array or object stand that is the whole document; `nil` for anything else.
    func content(of node: Int) -> Range<Int>? {
        guard kind(of: node) == .array || kind(of: node) == .object else { return nil }
        guard format == .messagePack else { return 1..<bytes.count - 1 }
        // The number of elements is in the first byte, or in two or four behind it.
        return switch bytes[0] {
        case 0xDC, 0xDE: 3..<bytes.count
        case 0xDD, 0xDF: 5..<bytes.count
        default: 1..<bytes.count
        }
    }

    /// Where the members of an object stand that an encoding wrote.
    func members(of object: Int) -> [ObjectMember] {
        guard kind(of: object) == .object else { return [] }
        var members: [ObjectMember] = []
        var member = object + 1
        while member < next(after: object) {
            let key = range(of: member)
            members.append(ObjectMember(start: key.lowerBound - format.prefixOfKey(key.count), key: key))
            member = next(after: member + 1)
        }
        return members
    }

    private func member(_ key: UnsafeBufferPointer<UInt8>, in object: Int) -> Int? {
        let end = next(after: object)
        let likely = Int(nodes[object].start)
        if likely < end, matches(likely, key) { return likely }
        if !indexes.isEmpty, let index = indexes[object] {
            return index.member(hash: DocumentKeyIndex.hash(key)) { matches($0, key) }
        }
        var member = object + 1
        while member < end {
            if matches(member, key) { return member }
            member = next(after: member + 1)
        }
        return nil
    }

    private func matches(_ member: Int, _ key: UnsafeBufferPointer<UInt8>) -> Bool {
        let node = nodes[member]
        guard !node.isShadowed else { return false }
        guard node.kind == .string else { return keyText(of: member).utf8.elementsEqual(key) }
        guard node.count == key.count else { return false }
        let start = Int(node.start)
        return bytes.withUnsafeBufferPointer { bytes in
            guard start + key.count <= bytes.count else { return false }
            for index in 0..<key.count where bytes[start + index] != key[index] { return false }
            return true
        }
    }

    private func isSameKey(_ a: Int, _ b: Int) -> Bool {
        let (first, second) = (nodes[a], nodes[b])
        guard first.kind == .string, second.kind == .string else {
            return keyText(of: a).utf8.elementsEqual(keyText(of: b).utf8)
        }
        guard first.count == second.count else { return false }
        let (start, otherStart) = (Int(first.start), Int(second.start))
        for offset in 0..<Int(first.count) where bytes[start + offset] != bytes[otherStart + offset] { return false }
        return true
    }

    private func indexKeys(of object: Int) {
        var index = DocumentKeyIndex(count: Int(nodes[object].count))
        let end = next(after: object)
        var member = object + 1
        while member < end {
            if let former = index.insert(member, hash: hash(ofKey: member), isSame: { isSameKey($0, member) }) {
                nodes[former].isShadowed = true
            }
            member = next(after: member + 1)
        }
        indexes[object] = index
    }

    private func hash(ofKey member: Int) -> Int {
        guard kind(of: member) != .string else {
            return bytes[range(of: member)].withUnsafeBufferPointer(DocumentKeyIndex.hash)
        }
        var key = keyText(of: member)
        return key.withUTF8(DocumentKeyIndex.hash)
    }

    /// A key's text. MessagePack's may be whole numbers: they are in decimals.
    private func keyText(of member: Int) -> String {
        switch kind(of: member) {
        case .signed: integer(at: member, as: Int64.self).map(String.init) ?? ""
        case .unsigned: integer(at: member, as: UInt64.self).map(String.init) ?? ""
        default: text(of: member)
        }
    }
}
