/// FNV-1a: a hash that is the same in each process, which those of the standard library are not.
package enum StableHash {
    /// That of a text, or of one that goes on after another.
    package static func of(_ text: String, after start: UInt64 = 0xcbf2_9ce4_8422_2325) -> UInt64 {
        text.utf8.reduce(start) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}
