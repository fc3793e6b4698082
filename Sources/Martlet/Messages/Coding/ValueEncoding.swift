/// One value on its way into bytes, written in one go.
///
/// What is being written is a stack of frames, one for each value that is inside of another and is not a scalar. Only
/// the innermost can be written to: whatever a type asks for that it could write to later (a nested container, an
/// encoder for its superclass) is an encoding of its own, whose bytes are put in when the value around it ends.
final class ValueEncoding {
    let format: EncodingFormat
    let userInfo: [CodingUserInfoKey: any Sendable]
    // Nobody but one encoder uses these, and no access to one of them calls anything that could use it again; checked
    // at run time, they would cost a quarter of the whole.
    @exclusivity(unchecked) private var bytes: ByteBuffer
    @exclusivity(unchecked) private var frame: EncodingFrame
    @exclusivity(unchecked) private var outer: [EncodingFrame] = []
    @exclusivity(unchecked) private var lastID = 0
    /// The members of the objects that are open.
    @exclusivity(unchecked) private var members: [ObjectMember] = []
    /// By the number of a frame, for objects of many members.
    private var indices: [Int: ObjectMemberIndex] = [:]
    @exclusivity(unchecked) private var children: [EncodingChild] = []
    /// How many values this one is inside of already.
    private let depth: Int
    /// A mistake where nothing could be thrown.
    private var failure: EncodingError?

    /// As deep as what is written can be read again.
    static let maximumDepth = JSONScanner.maximumDepth
    private static let tooDeep = "It is nested more than \(maximumDepth) deep."

    /// The frame of an encoding that has no value yet.
    private static let none = -1

    convenience init(_ format: EncodingFormat, userInfo: [CodingUserInfoKey: any Sendable]) {
        self.init(format, userInfo: userInfo, depth: 0, frame: Self.none)
    }

    private init(_ format: EncodingFormat, userInfo: [CodingUserInfoKey: any Sendable], depth: Int, frame: Int) {
        self.format = format
        self.userInfo = userInfo
        self.depth = depth
        bytes = ByteBuffer(capacity: 128)
        self.frame = EncodingFrame(id: frame, start: 0, firstChild: 0)
    }

    /// The bytes of a value.
    static func bytes<Value: Encodable>(
        of value: Value,
        format: EncodingFormat,
        userInfo: [CodingUserInfoKey: any Sendable]
    ) throws -> [UInt8] {
        let encoding = ValueEncoding(format, userInfo: userInfo)
        try encoding.write(value) { .root }
        if let failure = encoding.failure { throw failure }
        return encoding.bytes.array()
    }

    // MARK: - Values

    /// Encodes a value into a frame of its own.
    func encode<Value: Encodable>(_ value: Value, path: CodingPath) throws {
        guard outer.count + depth < Self.maximumDepth else {
            throw Self.invalid(value, Self.tooDeep, path)
        }
        if frame.id != Self.none { outer.append(frame) }
        lastID += 1
        frame = EncodingFrame(id: lastID, start: bytes.count, firstChild: children.count)
        try value.encode(to: ValueEncoder(self, frame.id, path))
        if frame.kind == .undecided, outer.isEmpty, depth == 0 {
            throw Self.invalid(value, "It encoded nothing.", path)
        }
        try end()
        let isArray = frame.kind == .array
        if let last = outer.popLast() { frame = last }
        if isArray, Self.isWrittenWhole(Value.self) { seal() }
    }

    /// Ends the innermost frame.
    private func end() throws {
        switch frame.kind {
        case .undecided: writeEmptyObject()
        case .scalar: break
        case .array: writeEnd()
        case .object, .sortedObject:
            if frame.hasReplaced || frame.kind == .sortedObject { try arrangeMembers() }
            members.removeLast(members.count - frame.firstMember)
            if !indices.isEmpty { indices[frame.id] = nil }
            writeEnd()
        }
        if children.count > frame.firstChild { try takeInChildren() }
    }

    /// Ends what is left open.
    private func finish() throws -> [UInt8] {
        try end()
        if let failure { throw failure }
        return bytes.array()
    }

    // MARK: - What frames become

    /// Makes the frame an array or object, unless it is one already: a class and its superclass may share one, and a type
    /// may write members beside those of a dictionary.
    ///
    /// What the single-value container has written becomes one, if it is an array or object.
    func open(_ kind: EncodingFrame.Kind, in id: Int, path: CodingPath) {
        if frame.id == id, frame.kind == .scalar, !frame.isSealed { goOn() }
        if frame.id == id, frame.single == .whole, frame.kind != .scalar { frame.single = .none }
        let isSame = frame.kind == kind || frame.kind.isObject && kind.isObject
        guard frame.id == id, frame.kind == .undecided || isSame else {
            return fail("It is two kinds of value at once, or written to after its end.", path)
        }
        guard frame.kind == .undecided else {
            if kind == .sortedObject { frame.kind = kind }
            // Its keys have no marks.
            if frame.isDictionary { frame.keys = .max }
            frame.isDictionary = false
            return
        }
        // A scalar may lie one deeper.
        if outer.count + depth >= Self.maximumDepth { fail(Self.tooDeep, path) }
        frame.kind = kind
        frame.firstMember = members.count
        frame.isDictionary = kind == .sortedObject
        writeStart()
    }

    /// Whether the frame is an array or object.
    func isContainer(_ id: Int) -> Bool { frame.id == id && (frame.kind == .array || frame.kind.isObject) }

    /// How many elements the frame has.
    func count(in id: Int) -> Int { frame.id == id ? frame.count : 0 }

    /// Makes the frame one scalar, or a value that another writes.
    ///
    /// - Returns: false if it is an array or object already, beside which a scalar does not count.
    func beginScalar(in id: Int, path: CodingPath) throws -> Bool {
        guard frame.id == id, frame.single == .none else {
            throw Self.invalid((), "It is two values at once, or written to after its end.", path)
        }
        guard frame.kind == .undecided else {
            frame.single = .beside
            return false
        }
        frame.kind = .scalar
        frame.single = .whole
        return true
    }

    /// Has a value that its single-value container takes write into the array or object that the frame is already.
    func merge<Value: Encodable>(_ value: Value, into encoder: ValueEncoder) throws {
        frame.single = .none
        try value.encode(to: encoder)
        frame.single = .whole
    }

    /// Notes that Foundation's encoder can't go on with the value that has just been written: it keeps arrays of numbers
    /// and of text as they were written.
    func seal() {
        if frame.kind == .scalar {
            frame.isSealed = true
        } else if frame.kind.isObject, !members.isEmpty {
            members[members.count - 1].isSealed = true
        }
    }

    /// Takes the end away from the array or object that is all of the frame, so that more can be written to it. What is
    /// neither is left as it is.
    private func goOn() {
        let value = bytes.array(from: frame.start)
        guard let document = try? Document(value, format: format), let content = document.content(of: 0) else { return }
        bytes.truncate(to: frame.start)
        frame.kind = document.kind(of: 0) == .array ? .array : .object
        frame.count = Int(document[0].count)
        frame.firstMember = members.count
        frame.keys = .max
        writeStart()
        let distance = bytes.count - content.lowerBound
        for var member in document.members(of: 0) {
            member.move(by: distance)
            members.append(member)
        }
        bytes.append(contentsOf: Array(value[content]))
    }

    /// Undoes ``beginScalar(in:path:)``, for a value that could not be encoded.
    func undoScalar(_ state: State) {
        undo(state)
        frame.kind = .undecided
        frame.single = .none
        frame.isSealed = false
    }

    /// Begins an element of the array that the frame is.
    ///
    /// - Returns: false if it has ended.
    @inline(__always)
    func beginElement(in id: Int) -> Bool {
        guard frame.id == id else { return false }
        if format == .json, frame.count > 0 { bytes.append(UInt8(ascii: ",")) }
        frame.count += 1
        return true
    }

    /// Begins a member of the object that the frame is.
    ///
    /// - Returns: false if it has ended.
    func beginMember(_ name: String, in id: Int) -> Bool {
        guard frame.id == id else { return false }
        if format == .json, frame.count > 0 { bytes.append(UInt8(ascii: ",")) }
        frame.count += 1
        let start = bytes.count
        var member: ObjectMember
        switch format {
        case .json:
            bytes.appendJSON(name)
            member = ObjectMember(start: start, key: start + 1..<bytes.count - 1)
            bytes.append(UInt8(ascii: ":"))
        case .messagePack:
            bytes.appendMessagePack(name)
            member = ObjectMember(start: start, key: bytes.count - name.utf8.count..<bytes.count)
        }
        if !frame.isDictionary {
            let mark = bytes.mark(of: member.key)
            if frame.keys & mark != 0, let earlier = latestMember(member.key) {
                members[earlier].isReplaced = true
                member.replaced = Int32(truncatingIfNeeded: earlier)
                frame.hasReplaced = true
            }
            frame.keys |= mark
        }
        members.append(member)
        return true
    }

    /// The member that the object has under a key already, if any: its position in the list of members.
    private func latestMember(_ key: Range<Int>) -> Int? {
        let own = members[frame.firstMember...]
        if own.count <= 32 { return own.lastIndex { bytes.isEqual($0.key, key) } }
        return indices[frame.id, default: ObjectMemberIndex()].latest(of: key, among: own, in: bytes)
    }

    /// Begins a member that is written apart: the one that is there already, if there is one under the key. A value that
    /// is there is gone on with.
    ///
    /// - Returns: `nil` if the object has ended, or what it has under the key can't be gone on with.
    func nested(_ name: String, in id: Int, path: CodingPath) -> ValueEncoding? {
        let before = state
        guard beginMember(name, in: id) else { return nil }
        guard let position = members.last?.replaced.map({ Int($0) }) else { return child(path: path) }
        let earlier = members[position]
        let value = earlier.key.upperBound + (format == .json ? 2 : 0)
        if let child = children[frame.firstChild...].last(where: { $0.offset == value }) {
            undo(before)
            return child.encoding
        }
        guard !earlier.isSealed else {
            undo(before)
            return nil
        }
        let separator = format == .json ? 1 : 0
        let child = child(path: path)
        child.take(bytes.array(from: value, to: members[position + 1].start - separator))
        return child
    }

    /// Makes a value that has been written elsewhere the one of this encoding.
    private func take(_ value: [UInt8]) {
        bytes.append(contentsOf: value)
        frame.kind = .scalar
        frame.single = .whole
    }

    /// What has to be put back if an element or member can't be encoded.
    struct State {
        fileprivate let byteCount: Int
        fileprivate let count: Int
        fileprivate let frames: Int
        fileprivate let members: Int
        fileprivate let children: Int
    }

    var state: State {
        State(
            byteCount: bytes.count,
            count: frame.count,
            frames: outer.count,
            members: members.count,
            children: children.count
        )
    }

    /// Puts things back as they were: a type may catch an error and go on.
    func undo(_ state: State) {
        bytes.truncate(to: state.byteCount)
        if outer.count > state.frames {
            frame = outer[state.frames]
            outer.removeLast(outer.count - state.frames)
        }
        frame.count = state.count
        for member in members[state.members...] {
            if let replaced = member.replaced { members[Int(replaced)].isReplaced = false }
        }
        members.removeLast(members.count - state.members)
        if !indices.isEmpty { indices.removeAll() }
        children.removeLast(children.count - state.children)
    }

    /// An encoding of its own for what belongs here.
    func child(path: CodingPath) -> ValueEncoding {
        let child = ValueEncoding(format, userInfo: userInfo, depth: depth + outer.count + 1, frame: 0)
        children.append(EncodingChild(offset: bytes.count, encoding: child))
        if child.depth > Self.maximumDepth { fail(Self.tooDeep, path) }
        return child
    }

    /// The encoder of a child.
    func rootEncoder(path: CodingPath) -> ValueEncoder { ValueEncoder(self, 0, path) }

    /// Notes what is wrong where nothing can be thrown; the whole value is then not encoded.
    func fail(_ reason: String, _ path: CodingPath) {
        if failure == nil { failure = Self.invalid((), reason, path) }
    }

    static func invalid(_ value: Any, _ reason: String, _ path: CodingPath) -> EncodingError {
        .invalidValue(value, EncodingError.Context(codingPath: path.keys, debugDescription: reason))
    }
}

extension ValueEncoding {
    /// Puts the children of the innermost frame where they belong.
    private func takeInChildren() throws {
        let first = frame.firstChild
        var whole: [UInt8] = []
        var copied = frame.start
        var shift = 0
        // Arrays have none, and those of an object that has ended are gone.
        var member = frame.kind.isObject ? frame.firstMember : members.count
        func moveMembers(before offset: Int) {
            while member < members.count, members[member].start < offset {
                members[member].move(by: shift)
                member += 1
            }
        }
        for child in children[first...] {
            moveMembers(before: child.offset)
            whole.append(contentsOf: bytes.array(from: copied, to: child.offset))
            let value = try child.encoding.finish()
            whole.append(contentsOf: value)
            shift += value.count
            copied = child.offset
        }
        moveMembers(before: .max)
        whole.append(contentsOf: bytes.array(from: copied))
        bytes.replace(from: frame.start, with: whole)
        children.removeSubrange(first...)
    }

    /// Leaves out what later members have taken the place of, and puts the others in the order of their keys, if that is
    /// how the innermost frame is to be.
    private func arrangeMembers() throws {
        if children.count > frame.firstChild { try takeInChildren() }
        let own = members[frame.firstMember...]
        guard let start = own.first?.start, own.count > 1 else { return }
        let separator = format == .json ? 1 : 0
        let ends = own.dropFirst().map { $0.start - separator } + [bytes.count]
        var arranged = zip(own, ends).filter { !$0.0.isReplaced }
        if frame.kind == .sortedObject {
            arranged.sort { a, b in
                let (a, b) = (a.0, b.0)
                return bytes.precedes(a.key, b.key) || a.start < b.start && bytes.isEqual(a.key, b.key)
            }
            // Of the keys of a dictionary two may be written alike.
            arranged = arranged.indices.filter { index in
                index + 1 == arranged.count || !bytes.isEqual(arranged[index].0.key, arranged[index + 1].0.key)
            }.map { arranged[$0] }
        }
        var whole: [UInt8] = []
        whole.reserveCapacity(bytes.count - start)
        for (member, end) in arranged {
            if separator == 1, !whole.isEmpty { whole.append(UInt8(ascii: ",")) }
            whole.append(contentsOf: bytes.array(from: member.start, to: end))
        }
        bytes.replace(from: start, with: whole)
        frame.count = arranged.count
    }

    private func writeStart() {
        switch format {
        case .json: bytes.append(frame.kind == .array ? UInt8(ascii: "[") : UInt8(ascii: "{"))
        // Of the number of elements, to be filled in.
        case .messagePack: bytes.append(0)
        }
    }

    private func writeEnd() {
        switch format {
        case .json: bytes.append(frame.kind == .array ? UInt8(ascii: "]") : UInt8(ascii: "}"))
        case .messagePack: writeCount()
        }
    }

    private func writeEmptyObject() {
        switch format {
        case .json: bytes.appendJSON(word: "{}")
        case .messagePack: bytes.append(0x80)
        }
    }

    /// Puts the number of elements before them. Up to 15 take the byte that is there.
    private func writeCount() {
        var header = ByteBuffer(capacity: 8)
        if frame.kind == .array {
            header.appendMessagePack(arrayOf: frame.count)
        } else {
            header.appendMessagePack(mapOf: frame.count)
        }
        guard header.count > 1 else {
            bytes[frame.start] = header[0]
            return
        }
        bytes.replace(from: frame.start, with: header.array() + bytes.array(from: frame.start + 1))
        for index in frame.firstChild..<children.count { children[index].offset += header.count - 1 }
    }
}

extension ValueEncoding {
    func writeNil() {
        switch format {
        case .json: bytes.appendJSON(word: "null")
        case .messagePack: bytes.append(0xC0)
        }
    }

    func write(_ value: Bool) {
        switch format {
        case .json: bytes.appendJSON(word: value ? "true" : "false")
        case .messagePack: bytes.append(value ? 0xC3 : 0xC2)
        }
    }

    func write(_ value: String) {
        switch format {
        case .json: bytes.appendJSON(value)
        case .messagePack: bytes.appendMessagePack(value)
        }
    }

    func write(_ value: Int64) {
        switch format {
        case .json: bytes.appendJSON(value)
        case .messagePack: bytes.appendMessagePack(value)
        }
    }

    func write(_ value: UInt64) {
        switch format {
        case .json: bytes.append(digits: value)
        case .messagePack: bytes.appendMessagePack(value)
        }
    }

    /// A number has to be finite for JSON; see ``check(_:path:)``.
    func write(_ value: Double) {
        switch format {
        case .json: bytes.appendJSON(value)
        case .messagePack: bytes.appendMessagePack(value)
        }
    }

    func write(_ value: Float) {
        switch format {
        case .json: bytes.appendJSON(value)
        case .messagePack: bytes.appendMessagePack(value)
        }
    }

    /// A date in the first form from which the same date comes back: for JSON decimals; for MessagePack a number, a time,
    /// or the decimals as text.
    func write(_ date: DateSeconds) {
        if format == .json {
            bytes.append(date.decimals)
        } else if let seconds = date.seconds {
            bytes.appendMessagePack(seconds)
        } else if let time = date.time {
            bytes.appendMessagePack(time)
        } else {
            bytes.appendMessagePack(date.decimals)
        }
    }

    /// Any whole number. MessagePack has none of more than 64 bits.
    @inline(__always)
    func write<Integer: FixedWidthInteger>(integer value: Integer, path: () -> CodingPath) throws {
        if let value = Int64(exactly: value) {
            write(value)
        } else if let value = UInt64(exactly: value) {
            write(value)
        } else {
            try write(digitsOf: value, path: path)
        }
    }

    private func write(digitsOf value: some FixedWidthInteger, path: () -> CodingPath) throws {
        guard format == .json else { throw Self.invalid(value, "MessagePack has no number of this size.", path()) }
        bytes.append(String(value))
    }

    /// Throws for a number that the format has no notation for.
    @inline(__always)
    func check(_ value: some BinaryFloatingPoint, path: () -> CodingPath) throws {
        guard value.isFinite || format == .messagePack else {
            throw Self.invalid(value, "JSON has no number for it.", path())
        }
    }

    /// Bytes as the format has them.
    func write(data: [UInt8]) {
        switch format {
        case .json:
            bytes.append(UInt8(ascii: "\""))
            Base64.encode(data) { bytes.append($0) }
            bytes.append(UInt8(ascii: "\""))
        case .messagePack:
            bytes.appendMessagePack(binary: data)
        }
    }

    /// A number by its digits.
    func write(digits: String) {
        bytes.append(digits)
    }

    /// An array of scalars.
    func write<Element>(elements: [Element], _ write: (Element) throws -> Void) rethrows {
        if format == .messagePack { bytes.appendMessagePack(arrayOf: elements.count) }
        for (index, element) in elements.enumerated() {
            if format == .json { bytes.append(index == 0 ? UInt8(ascii: "[") : UInt8(ascii: ",")) }
            try write(element)
        }
        if format == .json { bytes.appendJSON(word: elements.isEmpty ? "[]" : "]") }
    }
}
