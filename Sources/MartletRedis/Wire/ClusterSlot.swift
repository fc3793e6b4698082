/// The hash slot of a key in a cluster.
enum ClusterSlot {
    static let count = 16_384

    /// The slot of a key, or of what is between its first braces, if there is anything: so keys belong together.
    ///
    /// The rule, and the polynomial 0x1021 of its checksum, are those of Redis' cluster specification.
    static func slot(of key: [UInt8]) -> Int {
        var hashed = key[...]
        if let open = key.firstIndex(of: UInt8(ascii: "{")),
            let close = key[(open + 1)...].firstIndex(of: UInt8(ascii: "}")), close > open + 1
        {
            hashed = key[(open + 1)..<close]
        }
        var checksum: UInt16 = 0
        for byte in hashed {
            checksum ^= UInt16(byte) << 8
            for _ in 0..<8 { checksum = checksum & 0x8000 == 0 ? checksum << 1 : (checksum << 1) ^ 0x1021 }
        }
        return Int(checksum) % count
    }
}
