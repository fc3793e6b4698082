import Martlet
import MartletService

/// What Home Assistant is told at one topic: of a device with its entities, or of an entity without one. A pure value.
struct DiscoveryDocument: Sendable, Hashable {
    let topic: TopicName
    let content: JSON
    /// The entities by their IDs, each with its kind; none where the document is of one entity alone.
    let components: [String: String]

    /// The documents of a service.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` for names that Home Assistant does not take, and for two entities of one ID.
    static func documents(of devices: [Device], in scope: ServiceScope) throws -> [DiscoveryDocument] {
        var known: Set<String> = []
        var documents: [DiscoveryDocument] = []
        for device in devices {
            let owner = device.identifier(in: scope.name)
            guard DiscoveryName.isValid(owner), !device.isDevice || known.insert(owner).inserted else {
                throw refusal("'\(owner)' can't be the ID of a device, or is that of two")
            }
            var components: [(id: String, kind: String, content: JSON)] = []
            for entity in device.entities.map(\.core) {
                let id = entity.uniqueID(below: owner)
                guard known.insert(id).inserted else { throw refusal("two entities have the ID '\(id)'") }
                guard device.isDevice || DiscoveryName.isValid(id) else {
                    throw refusal("'\(id)' can't be the ID of an entity")
                }
                if let topic = entity.wrongTopic(below: scope.base) {
                    throw refusal(
                        "'\(entity.name)' has a topic that Home Assistant can't subscribe to: \(topic.debugDescription)"
                    )
                }
                let content = entity.document(below: owner, base: scope.base, setsEntityID: device.setsEntityIDs)
                components.append((id, entity.platform, content))
            }
            let start = scope.discoveryPrefix
            guard device.isDevice else {
                documents += components.map { id, kind, content in
                    DiscoveryDocument(topic: start.appending([kind, id, "config"]), content: content, components: [:])
                }
                continue
            }
            var content: JSON = [
                "device": device.description(in: scope.name),
                "origin": [
                    "name": .string("Martlet service \(scope.name)"), "sw_version": .string(MartletVersion.current),
                ],
                "components": .object(Dictionary(components.map { ($0.id, $0.content) }) { $1 }),
            ]
            content["availability"] = scope.online.map { topic in
                [["topic": .string(topic.mqtt), "payload_available": "1", "payload_not_available": "0"]]
            }
            documents.append(
                DiscoveryDocument(
                    topic: start.appending(["device", owner, "config"]),
                    content: content,
                    components: Dictionary(components.map { ($0.id, $0.kind) }) { $1 }
                )
            )
        }
        return documents
    }

    /// The document with entities that are to be removed: of each nothing is said but its kind.
    func removing(_ gone: [String: String]) -> JSON {
        var content = content
        for (id, kind) in gone { content["components", .key(id)] = ["platform": .string(kind)] }
        return content
    }

    private static func refusal(_ text: String) -> MessagingError {
        MessagingError(.invalidArgument, "for Home Assistant: \(text)")
    }
}

extension TopicName {
    fileprivate func appending(_ segments: [String]) -> TopicName { segments.reduce(self) { $0.appending($1) } }
}
