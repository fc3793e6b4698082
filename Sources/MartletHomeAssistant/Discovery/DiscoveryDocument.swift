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
    /// - Throws: `MessagingError.Code.invalidArgument` for what Home Assistant does not take, which it would leave out in silence, and for
    ///   two entities of one ID.
    static func documents(of devices: [Device], in scope: ServiceScope) throws -> [DiscoveryDocument] {
        var known: Set<String> = []
        var documents: [DiscoveryDocument] = []
        let common = common(in: scope)
        for device in devices {
            let owner = device.identifier(in: scope.name)
            guard DiscoveryName.isValid(owner), !device.isDevice || known.insert(owner).inserted else {
                throw refusal("'\(owner)' can't be the ID of a device, or is that of two: give it another name")
            }
            if let url = device.url, !WebAddress.isValid(url, WebAddress.schemesOfDevices) {
                throw refusal(
                    "the device '\(device.title)' has the URL \(url.debugDescription): let it begin with http://, https:// or "
                        + "homeassistant://, and a host"
                )
            }
            var components: [(id: String, kind: String, content: [String: JSON])] = []
            for entity in device.entities.map(\.core) {
                let id = entity.uniqueID(below: owner)
                guard known.insert(id).inserted else {
                    throw refusal("two entities have the ID '\(id)': give one another name")
                }
                guard device.isDevice || DiscoveryName.isValid(id) else {
                    throw refusal("'\(id)' can't be the ID of an entity: let it be letters, digits, '_' and '-'")
                }
                if let complaint = entity.complaint(base: scope.base, hasDevice: device.isDevice) {
                    throw refusal("'\(entity.name)'\(device.isDevice ? " of '\(device.title)'" : "") \(complaint)")
                }
                let content = entity.document(below: owner, base: scope.base, setsEntityID: device.setsEntityIDs)
                components.append((id, entity.platform, content))
            }
            let start = scope.discoveryPrefix
            guard device.isDevice else {
                documents += components.map { id, kind, content in
                    // Of the two ways to say whether it is there Home Assistant takes one.
                    let own = content["availability_topic"] == nil ? common : common.filter { $0.key != "availability" }
                    return DiscoveryDocument(
                        topic: start.appending([kind, id, "config"]),
                        content: .object(own.merging(content) { $1 }),
                        components: [:]
                    )
                }
                continue
            }
            let content: [String: JSON] = [
                "device": device.description(in: scope.name),
                "components": .object(Dictionary(components.map { ($0.id, .object($0.content)) }) { $1 }),
            ]
            documents.append(
                DiscoveryDocument(
                    topic: start.appending(["device", owner, "config"]),
                    content: .object(common.merging(content) { $1 }),
                    components: Dictionary(components.map { ($0.id, $0.kind) }) { $1 }
                )
            )
        }
        return documents
    }

    /// What each document says: by whom it is, and whether the service is there.
    private static func common(in scope: ServiceScope) -> [String: JSON] {
        var common: [String: JSON] = [
            "origin": ["name": .string("Martlet service \(scope.name)"), "sw_version": .string(MartletVersion.current)]
        ]
        common["availability"] = scope.online.map { topic in
            [["topic": .string(topic.mqtt), "payload_available": "1", "payload_not_available": "0"]]
        }
        return common
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
