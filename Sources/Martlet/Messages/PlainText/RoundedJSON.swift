/// JSON whose numbers are rounded as those of ``PlainText``, for those who read JSON where others read plain text.
///
/// Messages do not say it, as those of ``PlainText`` do not.
package struct RoundedJSON: Codec {
    private let decimals: Int

    /// - Parameter decimals: as those of ``PlainText/init(decimals:)``.
    package init(decimals: Int) {
        self.decimals = PlainText(decimals: decimals).decimals
    }

    package var contentType: String { JSONCodec().contentType }

    package var isAnnounced: Bool { false }

    package func encode<Value: Encodable>(_ value: Value) throws -> [UInt8] {
        NumberRounding(decimals: decimals).rounded(json: try JSONCodec().encode(value))
    }

    package func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        try JSONCodec().decode(type, from: bytes)
    }
}
