import Martlet
import MartletTransport

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The subscribers of what comes by one filter to one channel.
///
/// Most messages have the same as the one before them, so the latest match is kept. It is a pure value, made anew when the
/// subscriptions have changed.
struct ChannelMatch {
    let topic: TopicName
    /// Whether the subscribers know the topic without being told.
    let isKnown: Bool
    /// The subscribers' mailboxes; empty if there are none any more.
    let mailboxes: [Mailbox<Delivery>]
    /// The channel and the filter's glob, as they are on the wire.
    private let channel: [UInt8]
    private let glob: [UInt8]?
    /// The version of the table that it was made of; -1 for none.
    private let version: Int

    /// The match of no message.
    init() {
        topic = TopicName("")
        isKnown = true
        mailboxes = []
        channel = []
        glob = nil
        version = -1
    }

    /// - Returns: `nil` if the channel is no name.
    init?(_ filter: WireFilter, _ channel: String, _ table: SubscriptionTable<Inbox<Delivery>>) {
        let group = table[filter]
        guard let topic = group?.topic ?? TopicName(channel, in: .dotted) else { return nil }
        self.topic = topic
        isKnown = group?.topic != nil
        mailboxes = (group?.members ?? []).filter { group?.topic != nil || $0.pattern.matches(topic) }
            .map(\.receiver.mailbox)
        self.channel = Array(channel.utf8)
        if case .glob(let key) = filter { glob = Array(key.text.utf8) } else { glob = nil }
        version = table.version
    }

    /// - Returns: `nil` if the channel is no name, or the glob not UTF-8.
    init?(_ push: PushedMessage, _ table: SubscriptionTable<Inbox<Delivery>>) {
        guard let channel = String(validating: push.channel, as: UTF8.self) else { return nil }
        guard let glob = push.glob else {
            self.init(.channel(ByteKey(channel)), channel, table)
            return
        }
        guard let glob = String(validating: glob, as: UTF8.self) else { return nil }
        self.init(.glob(ByteKey(glob)), channel, table)
    }

    /// Whether it is the match of a message.
    ///
    /// - Parameter version: the table's present version.
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
