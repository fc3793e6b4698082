/// The payload of an event to which nothing belongs: an empty object. Reading one ignores whatever is there.
public struct NoPayload: Codable, Sendable, Hashable {
    /// Nothing.
    public init() {}
}
