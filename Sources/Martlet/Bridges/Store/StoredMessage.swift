/// A message as it lies in a file of the store. A pure value.
///
/// A record is a length and a checksum of 4 bytes each, and the content: a version (2), the record's number (8 bytes),
/// flags (bit 0: retained), the time when it was written (8 bytes, nanoseconds since 1970), the topic, the headers, and the
/// body, which takes the rest. Numbers are little-endian; texts have their length before them, in 4 bytes. A header is a
/// name, a byte for its type, and its value. Records of version 1 have no number: theirs is the one after the last.
struct StoredMessage: Sendable, Equatable {
    /// No record has this number or a larger one: what says so has been changed.
    static let endOfNumbers: UInt64 = 1 << 62
    /// The version of the records that are written.
    static let version: UInt8 = 2

    let topic: TopicName
    let message: Message
    let isRetained: Bool
    /// Nanoseconds since 1970.
    let time: Int64

    /// How many bytes its record has.
    var recordBytes: Int {
        let headers = message.headers.reduce(0) { sum, header in
            let value =
                switch header.1 {
                case .string(let text): 4 + text.utf8.count
                case .integer, .double: 8
                case .boolean: 0
                case .bytes(let bytes): 4 + bytes.count
                }
            return sum + 5 + header.0.utf8.count + value
        }
        return StoreRecord.prefixBytes + 26 + topic.text.utf8.count + headers + message.body.count
    }

    /// The record.
    func record(number: UInt64) -> [UInt8] {
        var content: [UInt8] = []
        content.reserveCapacity(recordBytes - StoreRecord.prefixBytes)
        content.append(Self.version)
        content.append(number: number)
        content.append(isRetained ? 1 : 0)
        content.append(number: time)
        content.append(text: topic.text)
        content.append(number: UInt32(clamping: message.headers.count))
        for (name, value) in message.headers {
            content.append(text: name)
            switch value {
            case .string(let text):
                content.append(0)
                content.append(text: text)
            case .integer(let number):
                content.append(1)
                content.append(number: number)
            case .double(let number):
                content.append(2)
                content.append(number: number.bitPattern)
            case .boolean(let isTrue):
                content.append(isTrue ? 4 : 3)
            case .bytes(let bytes):
                content.append(5)
                content.append(number: UInt32(clamping: bytes.count))
                content += bytes
            }
        }
        content += message.body
        return StoreRecord.framing(content)
    }

    init(topic: TopicName, message: Message, isRetained: Bool, time: Int64) {
        self.topic = topic
        self.message = message
        self.isRetained = isRetained
        self.time = time
    }

    /// The message of a record's content, whose checksum is right; `nil` if it is none all the same.
    init?(content: ArraySlice<UInt8>) {
        var reader = RecordReader(content)
        guard let version = reader.byte(), version == 1 || version == Self.version else { return nil }
        if version > 1, reader.number() as UInt64? == nil { return nil }
        guard let flags = reader.byte(), let time: Int64 = reader.number(),
            let topic = reader.text(), let count: UInt32 = reader.number()
        else { return nil }
        var headers: [Headers.Element] = []
        for _ in 0..<count {
            guard let name = reader.text(), let type = reader.byte() else { return nil }
            let value: HeaderValue?
            switch type {
            case 0: value = reader.text().map(HeaderValue.string)
            case 1: value = reader.number().map(HeaderValue.integer)
            case 2: value = reader.number().map { HeaderValue.double(Double(bitPattern: $0)) }
            case 3, 4: value = .boolean(type == 4)
            case 5: value = reader.bytes().map { .bytes(Array($0)) }
            default: value = nil
            }
            guard let value else { return nil }
            headers.append((name, value))
        }
        self.init(
            topic: TopicName(topic),
            message: Message(Array(reader.rest), headers: Headers(received: headers)),
            isRetained: flags & 1 == 1,
            time: time
        )
    }
}
