/// What bytes an encoding writes, or a document was read from.
enum EncodingFormat {
    case json
    case messagePack

    /// How many bytes stand before the text of a key of so many: a quote, or the length.
    func prefixOfKey(_ count: Int) -> Int {
        guard self == .messagePack else { return 1 }
        return switch count {
        case ..<0x20: 1
        case ...0xFF: 2
        case ...0xFFFF: 3
        default: 5
        }
    }
}
