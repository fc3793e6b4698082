import Martlet

/// What the properties of a message say of its body: clients of other libraries, kombu for one, choose by it how they read it.
struct BodyKind: Equatable {
    /// The media type; `nil`: it is not known.
    var type: String?
    /// The character set, or that it has none (`binary`); `nil`: it is not known.
    var encoding: String?

    static let json = BodyKind(type: "application/json", encoding: "utf-8")
    /// Bytes that are no text.
    static let bytes = BodyKind(type: nil, encoding: "binary")

    init(type: String? = nil, encoding: String? = nil) {
        self.type = type
        self.encoding = encoding
    }

    /// Of a message's body. Bytes that say no type have none: what they are is not guessed.
    init(of message: Message, sentAs publication: WireCoding.Publication, _ wire: WireCoding) {
        // A longer one travels as a header.
        let said = message.headers.contentType.flatMap { ShortText.fits($0) ? $0 : nil }
        if publication.bytes.isEmpty {
            self.init(type: said)
        } else if wire.isTransforming {
            self.init(type: said, encoding: Self.bytes.encoding)
        } else if publication.isEnvelope {
            self = .json
        } else if let said {
            self.init(type: said, encoding: Self.encoding(of: message, said))
        } else if message.headers.native?.isJSON == true {
            self = .json
        } else {
            self.init()
        }
    }

    private static func encoding(of message: Message, _ type: String) -> String? {
        if Envelope.isJSON(type) { return json.encoding }
        guard type.lowercased().hasPrefix("text/") else { return bytes.encoding }
        // It may name a character set itself.
        return type.contains(";") || message.text == nil ? nil : json.encoding
    }
}
