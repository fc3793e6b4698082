import Martlet

/// How a message becomes a line of a file or of the console.
public enum LineFormat: String, Sendable, Hashable {
    /// The body and a line feed. A body with line feeds becomes several lines.
    case body
    /// An object of JSON: `time` in seconds since 1970, `topic`, and the body as `text`, or as `base64` if it is no UTF-8.
    case json

    /// A message as bytes of a file.
    ///
    /// - Parameter time: nanoseconds since 1970.
    func line(of item: SinkItem, at time: Int64) throws -> [UInt8] {
        switch self {
        case .body: return item.message.body + [UInt8(ascii: "\n")]
        case .json: return try JSONCodec().encode(Record(item, at: time)) + [UInt8(ascii: "\n")]
        }
    }

    private struct Record: Encodable {
        let time: Double
        let topic: String
        let text: String?
        let base64: String?

        init(_ item: SinkItem, at time: Int64) {
            self.time = Double(time / 1_000_000) / 1_000
            topic = item.topic.text
            text = item.message.text
            base64 = text == nil ? Base64.text(item.message.body) : nil
        }
    }
}
