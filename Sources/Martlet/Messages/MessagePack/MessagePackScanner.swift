/// Goes through one MessagePack value and makes an outline of it.
///
/// It takes every form of the specification but the one byte that is never used. Strings have to be UTF-8. A map's
/// keys have to be strings or whole numbers, since that is what a `Codable` type's keys are. Whatever the bytes are
/// it never traps, takes time and memory in proportion to how many there are, whatever lengths they claim, and nothing
/// is read past ``maximumDepth``.
struct MessagePackScanner {
    /// How many arrays and maps may stand in one another: as many as in JSON.
    static let maximumDepth = JSONScanner.maximumDepth

    private let bytes: [UInt8]
    private(set) var position = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Whether all bytes were taken.
    var isAtEnd: Bool { position == bytes.count }

    /// Takes a value and all that is in it.
    ///
    /// - Returns: false if it is broken, cut off or too deeply nested.
    mutating func takeValue(into outline: inout DocumentOutline) -> Bool {
        /// What the arrays and maps that are open still lack, the outermost first.
        var open: [(left: Int, isMap: Bool)] = []
        var left = 1
        var isMap = false
        repeat {
            while left == 0, let outer = open.popLast() {
                outline.leave()
                (left, isMap) = outer
            }
            guard left > 0 else { break }
            left -= 1
            if isMap {
                guard let kind = takeScalar(), isKey(kind.kind) else { return false }
                outline.addKey(kind.kind, kind.range)
            }
            guard let form = peekContainer() else {
                guard let (kind, range) = takeScalar() else { return false }
                outline.add(kind, range)
                continue
            }
            // Each element takes a byte at least: what claims more than there are is broken, and costs nothing.
            guard let count = takeCount(form), open.count < Self.maximumDepth,
                count <= (bytes.count - position) / (form.isMap ? 2 : 1)
            else { return false }
            outline.begin(form.isMap ? .object : .array)
            open.append((left, isMap))
            (left, isMap) = (count, form.isMap)
        } while left > 0 || !open.isEmpty
        return true
    }

    private struct Container {
        let isMap: Bool
        /// How many bytes the count has after the first; none if that has it.
        let width: Int
    }

    private func peekContainer() -> Container? {
        guard position < bytes.count else { return nil }
        return switch bytes[position] {
        case 0x80...0x8F: Container(isMap: true, width: 0)
        case 0x90...0x9F: Container(isMap: false, width: 0)
        case 0xDC: Container(isMap: false, width: 2)
        case 0xDD: Container(isMap: false, width: 4)
        case 0xDE: Container(isMap: true, width: 2)
        case 0xDF: Container(isMap: true, width: 4)
        default: nil
        }
    }

    private mutating func takeCount(_ container: Container) -> Int? {
        let first = bytes[position]
        position += 1
        return container.width == 0 ? Int(first & 0x0F) : takeLength(container.width)
    }

    private func isKey(_ kind: DocumentNode.Kind) -> Bool {
        kind == .string || kind == .unsigned || kind == .signed
    }

    /// Takes anything but an array or map.
    private mutating func takeScalar() -> (kind: DocumentNode.Kind, range: Range<Int>)? {
        guard position < bytes.count else { return nil }
        let first = bytes[position]
        switch first {
        case 0x00...0x7F: return take(.unsigned, from: position, 1)
        case 0xE0...0xFF: return take(.signed, from: position, 1)
        case 0xA0...0xBF:
            position += 1
            return takeString(Int(first & 0x1F))
        default: break
        }
        position += 1
        switch first {
        case 0xC0: return (.null, position..<position)
        case 0xC2: return (.false, position..<position)
        case 0xC3: return (.true, position..<position)
        case 0xC4: return takeLength(1).flatMap { take(.binary, $0) }
        case 0xC5: return takeLength(2).flatMap { take(.binary, $0) }
        case 0xC6: return takeLength(4).flatMap { take(.binary, $0) }
        case 0xC7: return takeLength(1).flatMap { takeExtension($0) }
        case 0xC8: return takeLength(2).flatMap { takeExtension($0) }
        case 0xC9: return takeLength(4).flatMap { takeExtension($0) }
        case 0xCA: return take(.float, 4)
        case 0xCB: return take(.float, 8)
        case 0xCC...0xCF: return take(.unsigned, 1 << Int(first - 0xCC))
        case 0xD0...0xD3: return take(.signed, 1 << Int(first - 0xD0))
        case 0xD4...0xD8: return takeExtension(1 << Int(first - 0xD4))
        case 0xD9: return takeLength(1).flatMap { takeString($0) }
        case 0xDA: return takeLength(2).flatMap { takeString($0) }
        case 0xDB: return takeLength(4).flatMap { takeString($0) }
        default: return nil
        }
    }

    private mutating func take(_ kind: DocumentNode.Kind, _ count: Int) -> (DocumentNode.Kind, Range<Int>)? {
        take(kind, from: position, count)
    }

    private mutating func take(
        _ kind: DocumentNode.Kind,
        from start: Int,
        _ count: Int
    ) -> (DocumentNode.Kind, Range<Int>)? {
        guard count <= bytes.count - start else { return nil }
        position = start + count
        return (kind, start..<position)
    }

    private mutating func takeLength(_ width: Int) -> Int? {
        guard width <= bytes.count - position else { return nil }
        var length = 0
        for _ in 0..<width {
            length = length << 8 | Int(bytes[position])
            position += 1
        }
        return length
    }

    private mutating func takeString(_ count: Int) -> (DocumentNode.Kind, Range<Int>)? {
        guard count <= bytes.count - position else { return nil }
        let start = position
        let end = start + count
        while position < end {
            if bytes[position] < 0x80 {
                position += 1
            } else {
                guard let length = JSONScanner.lengthOfCharacter(at: position, in: bytes), length <= end - position
                else {
                    return nil
                }
                position += length
            }
        }
        return (.string, start..<end)
    }

    /// The extension of type -1 is a time, of three sizes; one of 30 bits counts nanoseconds, which are fewer than 10⁹.
    private mutating func takeExtension(_ count: Int) -> (DocumentNode.Kind, Range<Int>)? {
        guard position < bytes.count else { return nil }
        let type = bytes[position]
        position += 1
        guard let (_, range) = take(.extension, count) else { return nil }
        guard type == 0xFF else { return (.extension, range) }
        switch count {
        case 4: return (.timestamp, range)
        case 8: return isNanoseconds(range.lowerBound, isShifted: true) ? (.timestamp, range) : nil
        case 12: return isNanoseconds(range.lowerBound, isShifted: false) ? (.timestamp, range) : nil
        default: return nil
        }
    }

    private func isNanoseconds(_ start: Int, isShifted: Bool) -> Bool {
        var number: UInt32 = 0
        for index in start..<start + 4 { number = number << 8 | UInt32(bytes[index]) }
        return (isShifted ? number >> 2 : number) < 1_000_000_000
    }
}
