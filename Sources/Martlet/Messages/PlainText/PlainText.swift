/// Values as plain text, as small devices and scripts publish them: `ON`, `21.5`, `1`, nothing.
///
/// | value | text |
/// |---|---|
/// | text, and whatever is text in JSON | the characters, without quotes |
/// | `true`, `false` | `1`, `0` |
/// | `nil` | nothing: an empty body |
/// | a number | its shortest decimals, rounded, never with an exponent |
/// | anything else | JSON, its numbers likewise |
///
/// It reads what it writes, and more. A `Bool` is `1`, `0`, `on`, `off`, `true` or `false`, in any case. A number is any
/// decimal notation of it, a `Double` also `nan` or `inf`. Text is taken as it is, whatever it looks like. An empty body is
/// `nil`, or empty text. Everything else is read as JSON; a ``JSON`` itself also from text that is none, as that text.
///
/// No message says that it was written so, for those who publish such text say nothing either. So both sides have to know:
///
/// ```swift
/// let power = Topic<Bool>("stat.lamp.POWER")
/// for try await state in try await connection.subscribe(to: power, codec: PlainText()) { … }
/// ```
///
/// A publisher, a subscriber and a connection (``Codecs/init(writer:readers:)``) can be given it. See <doc:ChoosingACodec>.
public struct PlainText: Codec {
    /// How many decimals numbers are rounded to, from 0 to 15.
    public let decimals: Int

    /// A codec of plain text.
    ///
    /// - Parameter decimals: how many decimals numbers are rounded to: to the nearest, as Python rounds. By default 4. Of what
    ///   is not between 0 and 15 the nearest of the two is taken.
    public init(decimals: Int = 4) {
        self.decimals = min(max(decimals, 0), 15)
    }

    /// `text/plain`. Messages do not say it.
    public var contentType: String { "text/plain" }

    /// It is not.
    public var isAnnounced: Bool { false }

    /// The text of a value.
    ///
    /// - Throws: as ``JSONCodec/encode(_:)``; also for a number that is not finite.
    public func encode<Value: Encodable>(_ value: Value) throws -> [UInt8] {
        if let text = value as? String { return Array(text.utf8) }
        let json = try JSONCodec().encode(value)
        switch json.first {
        case UInt8(ascii: "\""):
            return JSONText(range: 1..<json.count - 1, hasEscapes: json.contains(UInt8(ascii: "\\"))).unescaped(
                in: json
            )
        case UInt8(ascii: "t"): return [UInt8(ascii: "1")]
        case UInt8(ascii: "f"): return [UInt8(ascii: "0")]
        case UInt8(ascii: "n"): return []
        default: return NumberRounding(decimals: decimals).rounded(json: json)
        }
    }

    /// The value of a text.
    ///
    /// - Throws: a `DecodingError`, or what the type throws.
    public func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        try PlainTextDecoder(bytes, for: type).decode(type)
    }
}
