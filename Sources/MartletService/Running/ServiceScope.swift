package import Logging
package import Martlet
import MartletSettings

/// What the parts of a service are told of it that they have no settings for.
package struct ServiceScope: Sendable {
    /// The service's name.
    package let name: String
    /// What its topics are below.
    package let base: TopicName
    /// Where it says that it is there; `nil`: nowhere.
    package let online: TopicName?
    /// What Home Assistant's topics of discovery begin with.
    package let discoveryPrefix: TopicName
    /// Where Home Assistant says that it has started; `nil`: where it does unless told otherwise.
    package let birthTopic: TopicName?
    /// What it says there.
    package let birthPayload: String
    /// What comes before all topics that it publishes on, to try a service out; `nil`: nothing.
    package let debugPrefix: TopicName?
    /// The file in which parts remember what they have announced.
    package let announcements: String
    /// Where it logs.
    package let logger: Logger

    package init(
        name: String,
        base: TopicName? = nil,
        online: TopicName? = nil,
        discoveryPrefix: TopicName = "homeassistant",
        birthTopic: TopicName? = nil,
        birthPayload: String? = nil,
        debugPrefix: TopicName? = nil,
        announcements: String,
        logger: Logger = Logger(label: "martlet")
    ) {
        self.name = name
        self.base = base ?? TopicName(segments: ["service", name])
        self.online = online
        self.discoveryPrefix = discoveryPrefix
        self.birthTopic = birthTopic
        self.birthPayload = birthPayload ?? "online"
        self.debugPrefix = debugPrefix
        self.announcements = announcements
        self.logger = logger
    }

    /// Where something is published that is meant for a topic.
    package func published(_ topic: TopicName) -> TopicName { debugPrefix.map(topic.below) ?? topic }
}

/// A component that has something in common with others of its kind in a service: what announces them to others.
package protocol ServicePart: Component {
    /// What is run once for all of them.
    static func companion(of parts: [any ServicePart], in scope: ServiceScope) -> any ServiceCompanion
}

/// What a service runs once for all parts of a kind.
package protocol ServiceCompanion: Component {
    /// What it announces: retained documents, by their topics.
    func documents() throws -> [(topic: TopicName, document: JSON)]

    /// Takes back what is announced, and was.
    func remove(on connection: any Connection) async throws
}

extension ServiceScope {
    /// What is run once for those components that have something in common.
    package func companions(of components: [any Component]) -> [any ServiceCompanion] {
        let parts = components.flatMap(\.withMembers).compactMap { $0 as? any ServicePart }
        var groups: [(kind: any ServicePart.Type, parts: [any ServicePart])] = []
        for part in parts {
            if let index = groups.firstIndex(where: { $0.kind == type(of: part) }) {
                groups[index].parts.append(part)
            } else {
                groups.append((type(of: part), [part]))
            }
        }
        return groups.map { $0.kind.companion(of: $0.parts, in: self) }
    }
}
