import Martlet

/// Cuts what is read into frames. A pure value.
///
/// librabbitmq could do it, too (`amqp_handle_input`), but takes the length of a method or header frame for granted: one
/// that is too short for what every such frame begins with makes it read past the end. Here a frame that no broker may
/// send is an error before anything of it is decoded.
struct FrameParser {
    /// Type, channel and size.
    static let headerSize = 7
    /// The byte that each frame ends with.
    static let end: UInt8 = 0xCE

    enum Step {
        /// A frame, and how many bytes it took.
        case frame(Frame, size: Int)
        /// More bytes are needed: at least so many in all.
        case needs(Int)
    }

    /// The largest frame that the broker may send, in bytes with all that belongs to it.
    var maximumSize: Int

    /// Looks for a frame at the beginning of some bytes.
    ///
    /// - Throws: `MessagingError.Code.connectionLost` for what is none.
    func next(in bytes: UnsafeRawBufferPointer, at start: Int) throws -> Step {
        let count = bytes.count - start
        guard count >= Self.headerSize else { return .needs(Self.headerSize) }
        let type = bytes[start]
        let channel = UInt16(bytes[start + 1]) << 8 | UInt16(bytes[start + 2])
        let length = Int(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: start + 3, as: UInt32.self)))
        guard let kind = Frame.Kind(rawValue: type) else {
            // Before the first frame this may be a broker that speaks another version, and says which.
            let isHeader = bytes[start] == UInt8(ascii: "A") && bytes[start + 1] == UInt8(ascii: "M")
            throw Self.broken(isHeader ? "the broker speaks another version of AMQP" : "a frame is of type \(type)")
        }
        let size = Self.headerSize + length + 1
        guard size <= maximumSize else { throw Self.broken("a frame has \(size) bytes; \(maximumSize) were agreed") }
        let least =
            switch kind {
            case .method: 4
            case .header: 14
            case .body, .heartbeat: 0
            }
        guard length >= least else { throw Self.broken("a frame of type \(type) has only \(length) bytes") }
        guard count >= size else { return .needs(size) }
        guard bytes[start + size - 1] == Self.end else { throw Self.broken("a frame does not end where it should") }
        let payload = start + Self.headerSize..<start + Self.headerSize + length
        return .frame(Frame(kind: kind, channel: channel, payload: payload), size: size)
    }

    static func broken(_ problem: String) -> MessagingError {
        MessagingError(.connectionLost, "what the broker sent is not AMQP 0-9-1: \(problem)")
    }
}
