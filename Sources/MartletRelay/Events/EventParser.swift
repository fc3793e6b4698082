/// Reads a stream of server-sent events, as the HTML standard's section 9.2.6 says, from bytes that come in pieces of any size.
/// A pure value.
///
/// Each byte is looked at once, and no more is kept than an event may have. One that is larger is left out and counted; its ID
/// counts all the same. An event that the stream ends in is not told.
struct EventParser: Sendable {
    /// How many bytes the lines of one event may have together.
    let maximumBytes: Int
    /// With which ID the stream goes on after what was told so far; empty: none.
    private(set) var lastEventID: String
    /// How long the server wants to be left alone before it is asked again; `nil`: it has not said.
    private(set) var reconnectionTime: Duration?
    /// How many events were larger than one may be.
    private(set) var skipped = 0

    private var line: [UInt8] = []
    /// Whether the last byte was a carriage return, which a line feed may belong to.
    private var endedWithReturn = false
    /// How many bytes of the mark have come with which a stream may begin; `nil`: it is over with that.
    private var markBytes: Int? = 0

    private var type = ""
    private var data: [UInt8] = []
    private var idBuffer: String
    private var isTooLarge = false

    /// - Parameter lastEventID: with which the stream was asked for.
    init(maximumBytes: Int = 1 << 20, lastEventID: String = "") {
        self.maximumBytes = maximumBytes
        self.lastEventID = lastEventID
        idBuffer = lastEventID
    }

    /// Reads some more bytes.
    ///
    /// - Returns: the events that end in them.
    mutating func read(_ bytes: some Sequence<UInt8>) -> [ServerEvent] {
        var events: [ServerEvent] = []
        for byte in bytes {
            guard let byte = afterMark(byte) else { continue }
            let follows = endedWithReturn
            endedWithReturn = byte == 0x0D
            switch byte {
            case 0x0A where follows: continue
            case 0x0A, 0x0D:
                if let event = endLine() { events.append(event) }
            default:
                if line.count + data.count >= maximumBytes {
                    isTooLarge = true
                    data.removeAll()
                }
                if line.count < maximumBytes { line.append(byte) }
            }
        }
        return events
    }

    private static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// Leaves out a byte order mark at the very beginning.
    private mutating func afterMark(_ byte: UInt8) -> UInt8? {
        guard let count = markBytes else { return byte }
        guard byte == Self.mark[count] else {
            // What looked like one belongs to the first line.
            markBytes = nil
            line += Self.mark.prefix(count)
            return byte
        }
        markBytes = count == 2 ? nil : count + 1
        return nil
    }

    private mutating func endLine() -> ServerEvent? {
        defer { line.removeAll(keepingCapacity: true) }
        guard !line.isEmpty else { return dispatch() }
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
        if colon == 0 { return nil }
        var value = line[colon...].dropFirst()
        if value.first == UInt8(ascii: " ") { value.removeFirst() }
        switch String(decoding: line[..<colon], as: UTF8.self) {
        case "event": type = String(decoding: value, as: UTF8.self)
        case "data" where isTooLarge: break
        case "data":
            data += value
            data.append(0x0A)
        case "id":
            if !value.contains(0) { idBuffer = String(decoding: value, as: UTF8.self) }
        case "retry":
            guard !value.isEmpty, value.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            let milliseconds = Int64(String(decoding: value, as: UTF8.self)) ?? .max
            reconnectionTime = .milliseconds(min(milliseconds, 86_400_000))
        default: break
        }
        return nil
    }

    private mutating func dispatch() -> ServerEvent? {
        lastEventID = idBuffer
        defer {
            type = ""
            data.removeAll(keepingCapacity: true)
            isTooLarge = false
        }
        if isTooLarge {
            skipped += 1
            return nil
        }
        guard !data.isEmpty else { return nil }
        data.removeLast()
        return ServerEvent(
            type: type.isEmpty ? "message" : type,
            data: String(decoding: data, as: UTF8.self),
            id: lastEventID
        )
    }
}
