import Martlet

/// Base64 in the alphabet of URLs, without padding (RFC 7515, section 2), as tokens and keys have it.
enum Base64URL {
    /// The bytes of a text; `nil` if it is none, or not the one text that these bytes have: of a token that is signed nothing can
    /// be changed, not even bits that stand for nothing.
    static func bytes(_ text: some Collection<UInt8>) -> [UInt8]? {
        var plain: [UInt8] = []
        plain.reserveCapacity(text.count + 3)
        for byte in text {
            switch byte {
            case UInt8(ascii: "-"): plain.append(UInt8(ascii: "+"))
            case UInt8(ascii: "_"): plain.append(UInt8(ascii: "/"))
            case UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="), 0x80...: return nil
            default: plain.append(byte)
            }
        }
        guard plain.count % 4 != 1 else { return nil }
        while !plain.count.isMultiple(of: 4) { plain.append(UInt8(ascii: "=")) }
        let padded = String(decoding: plain, as: UTF8.self)
        guard let bytes = Base64.bytes(padded), Base64.text(bytes).utf8.elementsEqual(plain) else { return nil }
        return bytes
    }
}
