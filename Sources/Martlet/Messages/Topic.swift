/// A contract: the name of a topic and the type of what is published on it.
///
/// Publishers and subscribers share it, so that neither can get the name or the type wrong:
///
/// ```swift
/// let sonar = Topic<Sonar>("sensors.sonar.front")
/// try await connection.publish(Sonar(distance: 2), to: sonar)
/// ```
public struct Topic<Value: Codable & Sendable>: Sendable, Hashable {
    /// The topic's name.
    public let name: TopicName

    /// A contract for the topic of this name; the name is checked when it is first used.
    public init(_ name: TopicName) {
        self.name = name
    }
}
