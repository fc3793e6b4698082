/// The clients that hear replies, by their addresses: `reply/<128 random bits>`, and below it one for each call. A pure value.
///
/// On MQTT an address is a topic like any other. Who owns one is the only one to hear it: what is published there is a reply,
/// and goes to no subscriber.
package struct ReplyAddresses: Sendable {
    private static let prefix = "reply/"
    private static let digits = 32

    private var owners: [Substring: Int] = [:]

    /// An address that nobody has or can guess.
    static func make(_ random: RandomSource = .system) -> String {
        let halves = (0..<2).map { _ in
            let text = String(random.next(for: .address), radix: 16)
            return String(repeating: "0", count: digits / 2 - text.count) + text
        }
        return prefix + halves.joined()
    }

    /// Whether an address, or a filter, is of the form that only owners of addresses have.
    package static func isReserved(_ address: String) -> Bool { base(of: address) != nil }

    /// What an address has in common with all others of its owner.
    private static func base(of address: String) -> Substring? {
        let bytes = address.utf8
        guard bytes.count >= prefix.utf8.count + digits, bytes.starts(with: prefix.utf8) else { return nil }
        let start = bytes.index(bytes.startIndex, offsetBy: prefix.utf8.count)
        let end = bytes.index(start, offsetBy: digits)
        guard end == bytes.endIndex || bytes[end] == UInt8(ascii: "/"), bytes[start..<end].allSatisfy(isDigit) else {
            return nil
        }
        return address[..<end]
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
        default: false
        }
    }

    /// The client that hears an address.
    func owner(of address: String) -> Int? {
        guard let base = Self.base(of: address) else { return nil }
        return owners[base]
    }

    /// Gives a client an address that ``make()`` has made.
    mutating func add(_ address: String, of client: Int) { owners[address[...]] = client }

    mutating func remove(_ address: String) { owners[address[...]] = nil }
}
