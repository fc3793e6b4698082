extension Document {
    /// The MessagePack of a JSON document. An array's elements and an object's members follow its count there, so that the
    /// nodes are written in their order.
    func messagePack() -> [UInt8] {
        var buffer = ByteBuffer(capacity: bytes.count)
        for node in 0..<next(after: 0) {
            switch kind(of: node) {
            case .null: buffer.append(0xC0)
            case .false: buffer.append(0xC2)
            case .true: buffer.append(0xC3)
            case .array: buffer.appendMessagePack(arrayOf: Int(self[node].count))
            case .object: buffer.appendMessagePack(mapOf: Int(self[node].count))
            case .string, .escapedString: buffer.appendMessagePack(text(of: node))
            case .binary, .timestamp, .extension: buffer.appendMessagePack(binary: Array(bytes[range(of: node)]))
            case .integerText, .signed, .unsigned: append(integerAt: node, to: &buffer)
            case .numberText, .wordText, .float: buffer.appendMessagePack(double(at: node) ?? .nan)
            }
        }
        return buffer.array()
    }

    /// One of more than 64 bits is the nearest double.
    private func append(integerAt node: Int, to buffer: inout ByteBuffer) {
        if let number = integer(at: node, as: Int64.self) {
            buffer.appendMessagePack(number)
        } else if let number = integer(at: node, as: UInt64.self) {
            buffer.appendMessagePack(number)
        } else {
            buffer.appendMessagePack(double(at: node) ?? .nan)
        }
    }
}
