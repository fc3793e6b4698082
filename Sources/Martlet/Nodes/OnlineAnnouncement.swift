/// Where a node says whether it is there: `1` when it has started and after each reconnect, `0` when it has ended.
///
/// Both are retained, so that who comes later knows at once; the broker must have ``Capabilities/retain``. A node that
/// crashes says nothing: for that its connection needs the node's will, see ``Node/will(for:announcement:)``.
public struct OnlineAnnouncement: Sendable, Hashable {
    /// Where; `nil`: on `<node>.online`.
    public var topic: TopicName?

    /// On `<node>.online`.
    public static let standard = OnlineAnnouncement(topic: nil)

    /// On a topic of one's own.
    public static func on(_ topic: TopicName) -> OnlineAnnouncement {
        OnlineAnnouncement(topic: topic)
    }

    static let present = Message("1")
    static let absent = Message("0")
}
