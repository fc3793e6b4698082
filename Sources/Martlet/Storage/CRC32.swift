/// The checksum of IEEE 802.3, as zip and PNG have it: to tell a record that was written whole from one that was not.
enum CRC32 {
    private static let polynomial: UInt32 = 0xedb8_8320
    /// So many bytes are taken at a time: what each does to the rest is looked up in a table of its own.
    private static let step = 8

    /// The tables, one behind the other. The first is for a byte that no other follows.
    private static let tables: [UInt32] = {
        var tables = (0..<256).map { byte in
            (0..<8).reduce(UInt32(byte)) { rest, _ in rest & 1 == 1 ? polynomial ^ (rest >> 1) : rest >> 1 }
        }
        for place in 256..<256 * step {
            let before = tables[place - 256]
            tables.append(tables[Int(before & 0xff)] ^ (before >> 8))
        }
        return tables
    }()

    static func checksum(of bytes: ArraySlice<UInt8>) -> UInt32 {
        let tables = tables
        var rest: UInt32 = 0xffff_ffff
        bytes.withUnsafeBytes { bytes in
            let whole = bytes.count / step * step
            for start in stride(from: 0, to: whole, by: step) {
                let word = bytes.loadUnaligned(fromByteOffset: start, as: UInt64.self).littleEndian ^ UInt64(rest)
                rest = 0
                for byte in 0..<step {
                    let value = Int(truncatingIfNeeded: word >> (8 * UInt64(byte)) & 0xff)
                    rest ^= tables[256 * (step - 1 - byte) + value]
                }
            }
            for byte in bytes[whole...] { rest = tables[Int((rest ^ UInt32(byte)) & 0xff)] ^ (rest >> 8) }
        }
        return rest ^ 0xffff_ffff
    }
}
