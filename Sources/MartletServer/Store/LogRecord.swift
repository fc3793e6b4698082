import Martlet

/// A record of a store's file.
struct LogRecord {
    /// The version that the content of each begins with.
    static let version: UInt8 = 0x21

    let number: UInt64
    /// When it was written, in nanoseconds since 1970.
    let time: Int64
    /// So many bytes of its file were on the disk for certain when it was written.
    let certain: UInt64
    let entries: ArraySlice<UInt8>

    init(number: UInt64, time: Int64, certain: Int, entries: [UInt8]) {
        (self.number, self.time, self.entries) = (number, time, entries[...])
        self.certain = UInt64(certain)
    }

    /// The record of a content, whose checksum is right; `nil` if it is none all the same.
    init?(content: ArraySlice<UInt8>) {
        var reader = RecordReader(content)
        guard reader.byte() == Self.version, let number: UInt64 = reader.number(), let time: Int64 = reader.number(),
            let certain: UInt64 = reader.number()
        else { return nil }
        (self.number, self.time, self.certain, entries) = (number, time, certain, reader.rest)
    }

    /// The record as it is written.
    var bytes: [UInt8] {
        var content: [UInt8] = []
        content.reserveCapacity(entries.count + 25)
        content.append(Self.version)
        content.append(number: number)
        content.append(number: time)
        content.append(number: certain)
        content += entries
        return StoreRecord.framing(content)
    }
}

/// Reads a file's records one after the other.
struct LogRecords {
    enum Step {
        case record(LogRecord)
        case end
        /// What follows is no record.
        case broken
        /// What follows is one of another version.
        case foreign(version: UInt8)
    }

    typealias Read = (_ offset: Int, _ count: Int) throws(StoreFailure) -> [UInt8]

    private static let chunk = 256 << 10

    private let read: Read
    private var buffer: [UInt8] = []
    private var position = 0
    /// Where in the file the buffer begins.
    private var start = 0

    init(_ read: @escaping Read) {
        self.read = read
    }

    /// Where in the file the next record begins.
    var offset: Int { start + position }

    mutating func next() throws(StoreFailure) -> Step {
        while true {
            switch SegmentScanner.step(buffer, at: position) {
            case .record(let content, let behind):
                guard let record = LogRecord(content: buffer[content]) else {
                    let version = buffer[content].first ?? LogRecord.version
                    return version == LogRecord.version ? .broken : .foreign(version: version)
                }
                position = behind
                return .record(record)
            case .broken: return .broken
            case .needs:
                buffer.removeFirst(position)
                (start, position) = (start + position, 0)
                let more = try read(start + buffer.count, Self.chunk)
                guard more.isEmpty else {
                    buffer += more
                    continue
                }
                return buffer.isEmpty ? .end : .broken
            }
        }
    }

    /// Whether a record behind the one that is none says that this one was on the disk for certain.
    mutating func isMissed(since number: UInt64) throws(StoreFailure) -> Bool {
        while case let more = try read(start + buffer.count, Self.chunk), !more.isEmpty { buffer += more }
        let broken = UInt64(offset)
        var from = position
        while let found = SegmentScanner.record(
            in: buffer,
            behind: from,
            numbers: number..<UInt64.max / 2,
            version: LogRecord.version
        ) {
            if case .record(let content, _) = SegmentScanner.step(buffer, at: found),
                let record = LogRecord(content: buffer[content]), record.certain > broken
            {
                return true
            }
            from = found
        }
        return false
    }
}
