import MartletTesting
import Testing

@testable import Martlet

@Suite struct Base64Tests {
    /// The vectors of RFC 4648, section 10, and the characters that they leave out.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"), ("\u{3F}\u{3E}~", "Pz5+"), ("???", "Pz8/"),
    ])
    func vectors(plain: String, text: String) {
        var encoded: [UInt8] = []
        Base64.encode(Array(plain.utf8), into: &encoded)
        #expect(String(decoding: encoded, as: UTF8.self) == text)
        #expect(encoded.count == Base64.encodedCount(plain.utf8.count))
        #expect(Base64.decode(encoded[...]) == Array(plain.utf8))
    }

    @Test(arguments: [
        "Z", "Zg", "Zg=", "Zg===", "=", "====", "Z===", "Zg=x", "=g==", "Zm9v=", "Zm9vZg==Zm9v", "Zm 9", "Zm-_", "Zé=",
    ])
    func othersAreNone(text: String) {
        #expect(Base64.decode(Array(text.utf8)[...]) == nil)
    }

    @Test func roundTrip() {
        var random = SplitMix64(seed: 3)
        for count in 0..<300 {
            let bytes = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) }
            var text: [UInt8] = []
            Base64.encode(bytes, into: &text)
            #expect(Base64.decode(text[...]) == bytes)
        }
    }
}
