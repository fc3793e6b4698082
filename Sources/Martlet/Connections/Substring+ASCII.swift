/// Taking text apart at characters of ASCII, byte by byte: a `Character` would hide a separator that a combining mark
/// follows, and each comparison of two costs more.
extension Substring {
    func firstIndex(ofAnyASCII separators: StaticString) -> Index? {
        utf8.firstIndex { byte in separators.withUTF8Buffer { $0.contains(byte) } }
    }

    func contains(ascii separator: Unicode.Scalar) -> Bool { utf8.contains(UInt8(ascii: separator)) }

    /// The pieces between a separator, empty ones too.
    func split(ascii separator: Unicode.Scalar, maxSplits: Int = .max) -> [Substring] {
        utf8.split(separator: UInt8(ascii: separator), maxSplits: maxSplits, omittingEmptySubsequences: false)
            .map(Substring.init)
    }

    /// What follows a number of bytes, which are ASCII.
    func dropping(bytes: Int) -> Substring { Substring(utf8.dropFirst(bytes)) }
}
