/// Makes replies and breaks them at random: bytes changed, taken out, doubled, put elsewhere, lengths that are hostile.
struct ReplyFuzzer {
    private static let lengths: [String] = [
        "-1", "-2", "0", "1", "7", "16384", "2147483647", "2147483648", "4294967295", "4294967296",
        "9223372036854775807", "9223372036854775808", "-9223372036854775808", "18446744073709551615", "01", "+1", "",
    ]
    private static let marks = Array("+-:$*\r\n0123456789".utf8)

    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0...random(below: 3) { appendReply(to: &bytes, depth: 0) }
        for _ in 0..<random(below: 4) { mutate(&bytes) }
        return bytes
    }

    /// How many of so many bytes come in one piece.
    mutating func split(_ count: Int) -> Int {
        random(below: 3) == 0 ? 1 + random(below: count) : count
    }

    private mutating func appendReply(to bytes: inout [UInt8], depth: Int) {
        if depth == 0, random(below: 4) == 0 { return appendPush(to: &bytes) }
        switch random(below: depth < 9 ? 8 : 5) {
        case 0: bytes += "+\(word())\r\n".utf8
        case 1: bytes += "-ERR \(word())\r\n".utf8
        case 2: bytes += ":\(random(below: 2) == 0 ? "\(random(below: 1_000))" : length())\r\n".utf8
        case 3: bytes += "$-1\r\n".utf8
        case 4:
            let word = word()
            bytes += "$\(random(below: 8) == 0 ? length() : "\(word.utf8.count)")\r\n\(word)\r\n".utf8
        default:
            let count = random(below: 5)
            bytes += "*\(random(below: 8) == 0 ? length() : "\(count)")\r\n".utf8
            for _ in 0..<count { appendReply(to: &bytes, depth: depth + 1) }
        }
    }

    /// A published message.
    private mutating func appendPush(to bytes: inout [UInt8]) {
        let words = random(below: 2) == 0 ? ["message", word(), word()] : ["pmessage", word(), word(), word()]
        bytes += "*\(words.count)\r\n".utf8
        for word in words {
            bytes += "$\(random(below: 8) == 0 ? length() : "\(word.utf8.count)")\r\n\(word)\r\n".utf8
        }
    }

    private mutating func mutate(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        let place = random(below: bytes.count)
        switch random(below: 5) {
        case 0: bytes[place] = UInt8(truncatingIfNeeded: random(below: 256))
        case 1: bytes[place] = Self.marks[random(below: Self.marks.count)]
        case 2: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random(below: 4)))
        case 3: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 1 + random(below: 8))], at: place)
        default: bytes.insert(contentsOf: length().utf8, at: place)
        }
    }

    private mutating func word() -> String { String(repeating: "w", count: random(below: 12)) }
    private mutating func length() -> String { Self.lengths[random(below: Self.lengths.count)] }

    /// SplitMix64, reduced.
    private mutating func random(below bound: Int) -> Int {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return Int((mixed ^ (mixed >> 31)) % UInt64(max(1, bound)))
    }
}
