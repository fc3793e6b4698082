/// Takes one message out of its envelope; see ``Envelope`` for what counts as one.
struct EnvelopeReader {
    private var scanner: JSONScanner
    private let use: Envelope.Use

    init(_ bytes: [UInt8], use: Envelope.Use) {
        scanner = JSONScanner(bytes)
        self.use = use
    }

    mutating func message() -> Message? {
        var header: EnvelopeHeader?
        var data: Range<Int>?
        let use = use
        let isWhole = scanner.takeObject { key, scanner in
            if scanner.text(key, is: "data") {
                data = scanner.skipValue()
                return data != nil
            }
            if scanner.text(key, is: "header") {
                header = EnvelopeHeader(from: &scanner)
                return header.map { use == .call || $0.isUnmistakable } ?? false
            }
            return use == .call && scanner.skipValue() != nil
        }
        guard isWhole, scanner.skipToEnd(), let header, let data else { return nil }
        return Message(body(data, encoding: header.encoding), headers: header.headers)
    }

    private func body(_ data: Range<Int>, encoding: Envelope.Encoding) -> [UInt8] {
        switch encoding {
        case .plain:
            break
        case .base64:
            guard let text = scanner.string(at: data) else { break }
            let decoded =
                text.hasEscapes
                ? Base64.decode(text.unescaped(in: scanner.bytes)[...])
                : Base64.decode(scanner.bytes[text.range])
            if let decoded { return decoded }
        case .none:
            if scanner.bytes[data].elementsEqual("{}".utf8) || scanner.bytes[data].elementsEqual("null".utf8) {
                return []
            }
        }
        return Array(scanner.bytes[data])
    }
}
