/// Puts the frames of a stream in order. A pure value.
///
/// A link may deliver frames twice or out of order. Frames that run ahead are kept, as many as the reader has
/// allowed the writer to send; what is further ahead breaks the stream.
struct StreamAssembly {
    enum Outcome {
        /// These come next, in order; none if the frame runs ahead.
        case frames([Message])
        /// It has come before.
        case duplicate
        /// The writer sent more than it was allowed to.
        case overrun
    }

    let window: Int
    private var next = 0
    private var ahead: [Int: Message] = [:]

    init(window: Int) {
        self.window = window
    }

    mutating func receive(_ frame: Message, at sequence: Int) -> Outcome {
        guard sequence >= next, ahead[sequence] == nil else { return .duplicate }
        // The opening of the stream and its end take a number but no credit.
        guard sequence - next <= window + 1 else { return .overrun }
        ahead[sequence] = frame
        var ready: [Message] = []
        while let frame = ahead.removeValue(forKey: next) {
            ready.append(frame)
            next += 1
        }
        return .frames(ready)
    }
}
