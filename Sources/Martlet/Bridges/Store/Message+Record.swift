/// A message as bytes, for a store that is no folder of files.
extension Message {
    /// The body and all headers, with a checksum.
    package var storedRecord: [UInt8] {
        let packed = packed(at: WallClock.nanoseconds)
        return StoredMessage(topic: "stored", message: packed, isRetained: false, time: 0).record(number: 0)
    }

    /// The message of bytes; `nil` if they are none.
    package init?(storedRecord bytes: [UInt8]) {
        var reader = RecordReader(bytes[...])
        guard let length: UInt32 = reader.number(), let checksum: UInt32 = reader.number(),
            Int(length) == reader.rest.count,
            checksum == CRC32.checksum(of: reader.rest), let stored = StoredMessage(content: reader.rest)
        else { return nil }
        self = stored.message.unpacked(at: WallClock.nanoseconds)
    }
}
