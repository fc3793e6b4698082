/// What was read although a reader was behind. A pure value.
package struct Backlog: Sendable {
    /// At most so many messages, and so many bytes.
    package static var maximumMessages: Int { 65_536 }
    package static var maximumBytes: Int { 64 << 20 }

    private var messages = 0
    private var bytes = 0

    package init() {}

    package var hasRoom: Bool { messages < Self.maximumMessages && bytes < Self.maximumBytes }

    /// A message was read.
    ///
    /// - Parameter isBehind: whether a reader is behind now.
    package mutating func read(bytes count: Int, isBehind: Bool) {
        if isBehind {
            messages += 1
            bytes += count
        } else {
            self = Backlog()
        }
    }
}
