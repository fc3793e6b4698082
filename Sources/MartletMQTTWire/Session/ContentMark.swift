/// What tells a message from others that a client publishes under the same packet identifier: the FNV-1a hash, of 64 bits, of its
/// topic and its body. It is the same in each process, so that it can be kept.
///
/// Properties don't count: a client may say another expiry when it sends a message again.
package struct ContentMark: Sendable, Hashable {
    package let number: UInt64

    /// Of a message that nobody remembers.
    package static let unknown = ContentMark(number: 0)

    package init(number: UInt64) {
        self.number = number
    }

    package init(_ publish: Publish) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func add(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x0100_0000_01b3 }
        for byte in publish.topic.utf8 { add(byte) }
        // No topic has this byte.
        add(0)
        for byte in publish.payload { add(byte) }
        number = max(hash, 1)
    }

    /// Whether they may be of one message.
    func mayBe(_ other: ContentMark) -> Bool { self == other || self == .unknown || other == .unknown }
}
