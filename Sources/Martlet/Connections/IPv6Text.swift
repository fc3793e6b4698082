/// IPv6 addresses as text: RFC 4291, section 2.2, with a zone as in RFC 6874.
enum IPv6Text {
    /// The address in lower case, its zone after a plain percent sign (`fe80::1%eth0`); `nil` if it is none.
    /// - Parameter text: what stands between the brackets of a URL, where the zone's percent sign is written `%25`.
    static func address(_ text: Substring) -> String? {
        guard let percent = text.firstIndex(ofAnyASCII: "%") else { return isAddress(text) ? text.lowercased() : nil }
        let zone = text[percent...]
        guard isAddress(text[..<percent]), zone.utf8.starts(with: "%25".utf8), zone.utf8.count <= 64,
            zone.utf8.count > 3, zone.utf8.dropFirst(3).allSatisfy(BrokerURLParser.isHostByte)
        else { return nil }
        return text[..<percent].lowercased() + "%" + zone.dropping(bytes: 3)
    }

    private static func isAddress(_ text: Substring) -> Bool {
        // The longest one has eight groups of four, or six and an IPv4 address.
        guard text.utf8.count <= 45 else { return false }
        // What is left is ASCII, where a character is a byte.
        guard text.utf8.allSatisfy({ $0 < 0x80 }) else { return false }
        guard let gap = text.firstRange(of: "::") else { return groups(text) == 8 }
        let before = text[..<gap.lowerBound]
        let after = text[gap.upperBound...]
        // An IPv4 address stands at the end, so not before the gap.
        guard !before.contains("."), let first = before.isEmpty ? 0 : groups(before),
            let second = after.isEmpty ? 0 : groups(after)
        else { return false }
        return first + second <= 7
    }

    /// How many groups of 16 bits there are between single colons; `nil` if something else is there.
    private static func groups(_ text: Substring) -> Int? {
        let pieces = text.split(separator: ":", omittingEmptySubsequences: false)
        var count = 0
        for (index, piece) in pieces.enumerated() {
            if piece.contains(".") {
                guard index == pieces.count - 1, isIPv4(piece) else { return nil }
                count += 2
            } else {
                guard (1...4).contains(piece.utf8.count), UInt16(piece, radix: 16) != nil, piece.first != "+" else {
                    return nil
                }
                count += 1
            }
        }
        return count
    }

    private static func isIPv4(_ text: Substring) -> Bool {
        let numbers = text.split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count == 4
            && numbers.allSatisfy { number in
                number.utf8.allSatisfy(BrokerURLParser.isDigit) && number.utf8.count <= 3 && UInt8(number) != nil
                    && (number.utf8.count == 1 || number.first != "0")
            }
    }
}
