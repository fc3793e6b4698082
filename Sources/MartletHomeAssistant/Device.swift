public import Martlet
public import MartletService

/// A device that Home Assistant finds by itself, with its entities.
///
/// ```swift
/// var components: [any Component] {
///     Device("Greenhouse", model: "Pi") {
///         temperature
///         Switch("Pump", at: "pump") { isOn in try await pump.set(isOn) }
///         Number("Target", at: "target", in: 5...35, step: 0.5) { value in value }
///     }
///     Every(.seconds(30)) { try await temperature.report(sensor.read()) }
/// }
/// ```
///
/// It is announced at `homeassistant/device/<service>_<name>/config`, retained, after each connect, and when Home Assistant has
/// started. States that were reported follow. While the service is offline the entities are shown as not available. What an
/// earlier run announced and this one does not is removed.
///
/// Its IDs and topics are those of miqro 1.3: a service of miqro can be replaced by one of Martlet, and keeps its history.
public struct Device: Component, ServicePart, ComponentContainer {
    /// `Device` and the name.
    public let name: String
    let title: String
    /// Whether its entities belong to it. Otherwise there is no device, and each is for itself.
    let isDevice: Bool
    let entities: [any Entity]
    let setsEntityIDs: Bool
    private let identifiers: [String]
    private let details: [String: JSON]
    /// What handles commands.
    package let members: [any Component]

    /// A device.
    ///
    /// - Parameters:
    ///   - name: what people call it.
    ///   - model: its model, as people know it.
    ///   - modelID: its model, as the manufacturer numbers it.
    ///   - manufacturer: who makes it.
    ///   - softwareVersion: the version of its firmware or software.
    ///   - hardwareVersion: its version.
    ///   - serialNumber: its serial number.
    ///   - identifiers: what else it is known by for ever, besides `<service>_<name>`.
    ///   - connections: addresses by which others may know it, such as `["mac": "02:5b:26:a8:dc:12"]`.
    ///   - area: where it is.
    ///   - url: where it is managed: of the scheme `http`, `https` or `homeassistant`.
    ///   - via: an identifier of the device by which it is reached: `<service>_<name>` for one of Martlet's.
    ///   - setsEntityIDs: whether entities are called as miqro calls them, such as `sensor.Temperature`, rather than as Home
    ///     Assistant likes.
    ///   - entities: what it has.
    public init(
        _ name: String,
        model: String? = nil,
        modelID: String? = nil,
        manufacturer: String? = nil,
        softwareVersion: String? = nil,
        hardwareVersion: String? = nil,
        serialNumber: String? = nil,
        identifiers: [String] = [],
        connections: KeyValuePairs<String, String> = [:],
        area: String? = nil,
        url: String? = nil,
        via: String? = nil,
        setsEntityIDs: Bool = false,
        @EntityBuilder entities: () -> [any Entity]
    ) {
        let texts: [String: String?] = [
            "model": model, "model_id": modelID, "manufacturer": manufacturer, "sw_version": softwareVersion,
            "hw_version": hardwareVersion, "serial_number": serialNumber, "suggested_area": area,
            "configuration_url": url, "via_device": via,
        ]
        var details = texts.compactMapValues { $0.map(JSON.string) }
        if !connections.isEmpty {
            details["connections"] = .array(connections.map { [.string($0.key), .string($0.value)] })
        }
        self.init("Device \(name)", name, isDevice: true, setsEntityIDs, identifiers, details, entities())
    }

    /// Entities that belong to no device. Each is announced for itself, and is not available while the service is offline, as those of
    /// a device. Of triggers and main entities there is none without a device.
    ///
    /// - Parameters:
    ///   - setsEntityIDs: whether entities are called as miqro calls them.
    ///   - entities: the entities.
    public static func standalone(setsEntityIDs: Bool = false, @EntityBuilder entities: () -> [any Entity]) -> Device {
        Device("Entities", "", isDevice: false, setsEntityIDs, [], [:], entities())
    }

    private init(
        _ name: String,
        _ title: String,
        isDevice: Bool,
        _ setsEntityIDs: Bool,
        _ identifiers: [String],
        _ details: [String: JSON],
        _ entities: [any Entity]
    ) {
        self.name = name
        self.title = title
        self.isDevice = isDevice
        self.setsEntityIDs = setsEntityIDs
        self.identifiers = identifiers
        self.details = details
        self.entities = entities
        members = entities.flatMap { entity in
            entity.core.commands.map { command in
                Handle(command.topic) { (text: String) in try await command.handler(text, entity.core) }
            }
        }
    }

    /// Where it is managed.
    var url: String? { details["configuration_url"]?.string }

    /// Its own ID, by the name of its service.
    func identifier(in service: String) -> String {
        isDevice ? "\(service)_\(DiscoveryName.clean(title))" : DiscoveryName.clean(service)
    }

    /// What Home Assistant is told of the device itself.
    func description(in service: String) -> JSON {
        let own = identifier(in: service)
        let all = identifiers.contains(own) ? identifiers : identifiers + [own]
        return .object(details.merging(["name": .string(title), "identifiers": .array(all.map(JSON.string))]) { $1 })
    }

    /// What announces all devices of a service.
    package static func companion(of parts: [any ServicePart], in scope: ServiceScope) -> any ServiceCompanion {
        DiscoveryPublisher(parts.compactMap { $0 as? Device }, scope)
    }

    /// Handles commands until the node stops.
    public func run(in context: NodeContext) async throws {
        try await context.runMembers()
    }
}

/// Makes a list of entities of what stands in a device's braces: entities one a line, `if`, `switch`, `for`, and arrays of entities.
@resultBuilder
public enum EntityBuilder {
    /// One entity.
    public static func buildExpression(_ entity: some Entity) -> [any Entity] { [entity] }
    /// Entities that were made elsewhere.
    public static func buildExpression(_ entities: [any Entity]) -> [any Entity] { entities }
    /// One after the other.
    public static func buildBlock(_ parts: [any Entity]...) -> [any Entity] { parts.flatMap { $0 } }
    /// An `if` without `else`.
    public static func buildOptional(_ part: [any Entity]?) -> [any Entity] { part ?? [] }
    /// The first branch of an `if` or `switch`.
    public static func buildEither(first part: [any Entity]) -> [any Entity] { part }
    /// The other branch.
    public static func buildEither(second part: [any Entity]) -> [any Entity] { part }
    /// A `for` loop.
    public static func buildArray(_ parts: [[any Entity]]) -> [any Entity] { parts.flatMap { $0 } }
}
