extension Document {
    /// An array or object that is being written.
    private struct Open {
        let end: Int
        let isObject: Bool
        var isEmpty = true
        var wantsKey: Bool

        init(end: Int, isObject: Bool) {
            self.end = end
            self.isObject = isObject
            wantsKey = isObject
        }
    }

    /// The JSON text of a MessagePack document.
    ///
    /// - Throws: a `DecodingError` for an extension.
    func json() throws -> [UInt8] {
        var buffer = ByteBuffer(capacity: bytes.count * 2)
        // Not by recursion, however deep it goes.
        var open: [Open] = []
        for node in 0..<next(after: 0) {
            close(&open, before: node, in: &buffer)
            let isKey = open.last?.wantsKey ?? false
            separate(&open, in: &buffer)
            switch kind(of: node) {
            case .array, .object:
                let isObject = kind(of: node) == .object
                buffer.append(UInt8(ascii: isObject ? "{" : "["))
                open.append(Open(end: next(after: node), isObject: isObject))
            case .signed where isKey, .unsigned where isKey:
                buffer.append(UInt8(ascii: "\""))
                try append(scalarAt: node, to: &buffer)
                buffer.append(UInt8(ascii: "\""))
            default:
                try append(scalarAt: node, to: &buffer)
            }
        }
        close(&open, before: next(after: 0), in: &buffer)
        return buffer.array()
    }

    private func close(_ open: inout [Open], before node: Int, in buffer: inout ByteBuffer) {
        while let last = open.last, last.end == node {
            buffer.append(UInt8(ascii: last.isObject ? "}" : "]"))
            open.removeLast()
        }
    }

    /// Writes what stands between the value before and the next one.
    private func separate(_ open: inout [Open], in buffer: inout ByteBuffer) {
        guard var outer = open.popLast() else { return }
        if outer.isObject, !outer.wantsKey {
            buffer.append(UInt8(ascii: ":"))
        } else if !outer.isEmpty {
            buffer.append(UInt8(ascii: ","))
        }
        outer.isEmpty = false
        if outer.isObject { outer.wantsKey.toggle() }
        open.append(outer)
    }

    private func append(scalarAt node: Int, to buffer: inout ByteBuffer) throws {
        switch kind(of: node) {
        case .null: buffer.appendJSON(word: "null")
        case .false: buffer.appendJSON(word: "false")
        case .true: buffer.appendJSON(word: "true")
        case .binary: buffer.appendJSON(Base64.text(Array(bytes[range(of: node)])))
        case .signed, .unsigned:
            if let number = integer(at: node, as: Int64.self) {
                buffer.appendJSON(number)
            } else {
                buffer.append(digits: integer(at: node, as: UInt64.self) ?? .max)
            }
        case .timestamp:
            buffer.append(time(at: node)?.decimals ?? "null")
        case .float:
            let number = double(at: node) ?? .nan
            if number.isFinite {
                buffer.appendJSON(number)
            } else {
                buffer.appendJSON(word: number.isNaN ? "NaN" : number < 0 ? "-Infinity" : "Infinity")
            }
        case .extension:
            throw DecodingError.dataCorrupted(
                DecodingError.Context(
                    codingPath: [],
                    debugDescription: "It has an extension, for which JSON has no form."
                )
            )
        default: buffer.appendJSON(text(of: node))
        }
    }
}
