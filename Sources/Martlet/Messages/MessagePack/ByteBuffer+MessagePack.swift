/// MessagePack's notation, always the shortest form, as its specification asks for.
extension GrowingBuffer<UInt8> {
    mutating func appendMessagePack(_ number: Int64) {
        switch number {
        case 0...: appendMessagePack(number.magnitude)
        case -32..<0: append(UInt8(truncatingIfNeeded: number))
        case Int64(Int8.min)...: append(0xD0, Int8(truncatingIfNeeded: number))
        case Int64(Int16.min)...: append(0xD1, Int16(truncatingIfNeeded: number))
        case Int64(Int32.min)...: append(0xD2, Int32(truncatingIfNeeded: number))
        default: append(0xD3, number)
        }
    }

    mutating func appendMessagePack(_ number: UInt64) {
        switch number {
        case ..<0x80: append(UInt8(truncatingIfNeeded: number))
        case ...0xFF: append(0xCC, UInt8(truncatingIfNeeded: number))
        case ...0xFFFF: append(0xCD, UInt16(truncatingIfNeeded: number))
        case ...0xFFFF_FFFF: append(0xCE, UInt32(truncatingIfNeeded: number))
        default: append(0xCF, number)
        }
    }

    mutating func appendMessagePack(_ number: Double) { append(0xCB, number.bitPattern) }
    mutating func appendMessagePack(_ number: Float) { append(0xCA, number.bitPattern) }

    mutating func appendMessagePack(_ string: String) {
        var string = string
        string.withUTF8 { text in
            if text.count < 32 {
                append(0xA0 | UInt8(truncatingIfNeeded: text.count))
            } else {
                append(lengthOf: text.count, 0xD9, 0xDA, 0xDB)
            }
            append(contentsOf: text)
        }
    }

    /// A time, which is the extension of type -1, in the smallest of its three sizes.
    mutating func appendMessagePack(_ time: DateSeconds.Time) {
        if let seconds = UInt32(exactly: time.seconds), time.nanoseconds == 0 {
            append(0xD6, UInt8(0xFF))
            append(bigEndian: seconds)
        } else if time.seconds >= 0, time.seconds < 1 << 34 {
            append(0xD7, UInt8(0xFF))
            append(bigEndian: UInt64(time.nanoseconds) << 34 | UInt64(time.seconds))
        } else {
            append(0xC7, UInt16(12 << 8 | 0xFF))
            append(bigEndian: time.nanoseconds)
            append(bigEndian: time.seconds)
        }
    }

    mutating func appendMessagePack(binary: [UInt8]) {
        append(lengthOf: binary.count, 0xC4, 0xC5, 0xC6)
        append(contentsOf: binary)
    }

    /// The start of an array of so many elements.
    mutating func appendMessagePack(arrayOf count: Int) {
        if count < 16 { return append(0x90 | UInt8(truncatingIfNeeded: count)) }
        append(lengthOf: count, nil, 0xDC, 0xDD)
    }

    /// The start of a map of so many members.
    mutating func appendMessagePack(mapOf count: Int) {
        if count < 16 { return append(0x80 | UInt8(truncatingIfNeeded: count)) }
        append(lengthOf: count, nil, 0xDE, 0xDF)
    }

    /// A length after the byte that says how long it is itself.
    private mutating func append(lengthOf count: Int, _ short: UInt8?, _ middle: UInt8, _ long: UInt8) {
        if let short, count <= 0xFF {
            append(short, UInt8(truncatingIfNeeded: count))
        } else if count <= 0xFFFF {
            append(middle, UInt16(truncatingIfNeeded: count))
        } else {
            append(long, UInt32(truncatingIfNeeded: count))
        }
    }

    @inline(__always)
    private mutating func append<Integer: FixedWidthInteger>(_ first: UInt8, _ number: Integer) {
        append(first)
        append(bigEndian: number)
    }

    @inline(__always)
    private mutating func append<Integer: FixedWidthInteger>(bigEndian number: Integer) {
        for shift in stride(from: Integer.bitWidth - 8, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: number >> Integer(shift)))
        }
    }
}
