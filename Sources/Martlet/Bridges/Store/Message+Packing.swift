/// On a disk a message has nothing but its headers. What came beside them is packed into one that no broker can carry.
extension Message {
    private static let name = "\u{0}native"

    /// The message as it is written.
    ///
    /// - Parameter time: the time of day, in nanoseconds since 1970: the only one that goes on while the process does not run.
    func packed(at time: @autoclosure () -> Int64) -> Message {
        guard let native = headers.native, let bytes = native.packed(at: time()) else { return self }
        var message = self
        message.headers[Self.name] = .bytes(bytes)
        return message
    }

    /// The message of one that was read, at a time of day.
    func unpacked(at time: @autoclosure () -> Int64) -> Message {
        guard case .bytes(let bytes) = headers[Self.name] else { return self }
        var message = self
        message.headers[Self.name] = nil
        message.headers.native = NativeProperties(packed: bytes, at: time())
        return message
    }
}

extension NativeProperties {
    /// A byte that says whether the body is text (2: it is not said), the end of life in nanoseconds since 1970 (0: none), and
    /// pairs of texts, each with its length before it. `nil`: there is nothing to keep.
    fileprivate func packed(at time: @autoclosure () -> Int64) -> [UInt8]? {
        guard isText != nil || expires != nil || !fields.isEmpty else { return nil }
        var bytes: [UInt8] = [isText.map { $0 ? 1 : 0 } ?? 2]
        let end = expires.map { time() + ($0 - .now).wholeMilliseconds * 1_000_000 } ?? 0
        withUnsafeBytes(of: end.littleEndian) { bytes += $0 }
        for (name, value) in fields {
            for text in [name, value.string ?? ""] {
                withUnsafeBytes(of: UInt32(clamping: text.utf8.count).littleEndian) { bytes += $0 }
                bytes += text.utf8
            }
        }
        return bytes
    }

    fileprivate convenience init?(packed bytes: [UInt8], at time: @autoclosure () -> Int64) {
        var reader = RecordReader(bytes[...])
        guard let format = reader.byte(), let end: Int64 = reader.number() else { return nil }
        var fields: [Headers.Element] = []
        while let name = reader.text(), let value = reader.text() { fields.append((name, .string(value))) }
        var expires: ContinuousClock.Instant?
        if end != 0 {
            let left = (end / 1_000_000).subtractingReportingOverflow(time() / 1_000_000)
            if !left.overflow { expires = .now + .milliseconds(left.partialValue) }
        }
        self.init(fields: fields, isText: format > 1 ? nil : format == 1, expires: expires)
    }
}
