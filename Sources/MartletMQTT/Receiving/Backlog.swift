/// What was read although a reader was behind. A pure value.
struct Backlog {
    /// At most so many messages, and so many bytes.
    static var maximumMessages: Int { 65_536 }
    static var maximumBytes: Int { 64 << 20 }

    private var messages = 0
    private var bytes = 0

    var hasRoom: Bool { messages < Self.maximumMessages && bytes < Self.maximumBytes }

    /// A message was read.
    ///
    /// - Parameter isBehind: whether a reader is behind now.
    mutating func read(bytes count: Int, isBehind: Bool) {
        if isBehind {
            messages += 1
            bytes += count
        } else {
            self = Backlog()
        }
    }
}
