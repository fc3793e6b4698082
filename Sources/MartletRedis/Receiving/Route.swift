import Martlet
import MartletTransport

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Who gets what comes by one filter to one channel: most messages go the way of the one before. A pure value, which is
/// made anew when a subscription is.
struct Route {
    let topic: TopicName
    /// Whether those who get it know that.
    let isKnown: Bool
    /// Those who get it; none if nobody does any more.
    let mailboxes: [Mailbox<Delivery>]
    /// As they are on the wire.
    private let channel: [UInt8]
    private let glob: [UInt8]?
    /// Which table it was made of; there is none at first.
    private let version: Int

    /// The way of no message.
    init() {
        topic = TopicName("")
        isKnown = true
        mailboxes = []
        channel = []
        glob = nil
        version = -1
    }

    /// - Returns: `nil` if the channel is no name.
    init?(_ filter: WireFilter, _ channel: String, _ table: SubscriptionTable<Receiver>) {
        let group = table[filter]
        guard let topic = group?.topic ?? TopicName(channel, in: .dotted) else { return nil }
        self.topic = topic
        isKnown = group?.topic != nil
        mailboxes = (group?.members ?? []).filter { group?.topic != nil || $0.pattern.matches(topic) }
            .map(\.receiver.inbox.mailbox)
        self.channel = Array(channel.utf8)
        if case .glob(let key) = filter { glob = Array(key.text.utf8) } else { glob = nil }
        version = table.version
    }

    /// - Returns: `nil` if the channel is no name, or the glob not UTF-8.
    init?(_ push: PushedMessage, _ table: SubscriptionTable<Receiver>) {
        guard let channel = String(validating: push.channel, as: UTF8.self) else { return nil }
        guard let glob = push.glob else {
            self.init(.channel(ByteKey(channel)), channel, table)
            return
        }
        guard let glob = String(validating: glob, as: UTF8.self) else { return nil }
        self.init(.glob(ByteKey(glob)), channel, table)
    }

    /// Whether a message goes this way.
    ///
    /// - Parameter version: of the table at present.
    func isFor(_ push: PushedMessage, _ version: Int) -> Bool {
        guard version == self.version, Self.isEqual(push.channel, channel) else { return false }
        switch (push.glob, glob) {
        case (nil, nil): return true
        case (let theirs?, let ours?): return Self.isEqual(theirs, ours)
        case (nil, _?), (_?, nil): return false
        }
    }

    private static func isEqual(_ a: UnsafeRawBufferPointer, _ b: [UInt8]) -> Bool {
        guard a.count == b.count, let start = a.baseAddress else { return a.count == b.count }
        return b.withUnsafeBytes { $0.baseAddress.map { memcmp(start, $0, a.count) == 0 } ?? true }
    }
}
