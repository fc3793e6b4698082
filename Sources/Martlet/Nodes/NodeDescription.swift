import Synchronization

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What a node is and what it does for others: for maps of a system, and for those who look for a service.
public struct NodeDescription: Codable, Sendable, Hashable {
    /// One component.
    public struct Component: Codable, Sendable, Hashable {
        /// What it is called in the node's health.
        public var name: String
        /// What it does, and with which names and types; `nil` if it does not say.
        public var contract: ComponentContract?
    }

    /// The node's name.
    public var name: String
    /// The version of the program, if it says so.
    public var version: String?
    /// The machine that it runs on.
    public var host: String
    /// ``NodeOptions/device``.
    public var device: String?
    /// Since when it runs: nanoseconds since 1970.
    public var started: Int64
    /// Its components, in the order of their declaration; a group's members come after it.
    public var components: [Component]
}

/// What a component does for others: of which kind it is, under which name, and of which types.
public struct ComponentContract: Codable, Sendable, Hashable {
    /// Its type, such as `Respond`.
    public var kind: String
    /// The topics, the queue or the procedure.
    public var name: String
    /// What is sent and, if there is a reply, what comes back, as Swift calls the types. None for messages as they are.
    public var types: [String]

    /// What a component of one's own does.
    ///
    /// - Parameters:
    ///   - kind: its type.
    ///   - name: the topics, the queue or the procedure.
    ///   - types: what is sent and what comes back.
    public init(kind: String, name: String, types: [Any.Type] = []) {
        self.kind = kind
        self.name = name
        self.types = types.map { "\($0)" }
    }
}

/// How a node describes itself on `<node>.describe`.
public struct DescribeOptions: Sendable, Hashable {
    /// The version of the program; `nil`: it does not say.
    public var version: String?
    /// Whether the description is published, retained, with each link; otherwise whoever calls the procedure gets it.
    public var isRetained: Bool

    /// As a retained message, which stays when the node has ended: ``NodeOptions/online`` says whether it is there. The broker must
    /// have ``Capabilities/retain``.
    public static func retained(version: String? = nil) -> DescribeOptions {
        DescribeOptions(version: version, isRetained: true)
    }

    /// By a procedure, whose request is ignored.
    public static func onRequest(version: String? = nil) -> DescribeOptions {
        DescribeOptions(version: version, isRetained: false)
    }
}

extension Node {
    /// What it is and what it does for others.
    public func describe() -> NodeDescription {
        NodeDescription(
            name: name,
            version: options.describes?.version,
            host: ProcessInfo.processInfo.hostName,
            device: options.device,
            started: began.load(ordering: .relaxed),
            components: zip(health.components, contracts(of: components)).map {
                NodeDescription.Component(name: $0.name, contract: $1)
            }
        )
    }

    /// Publishes the description with each link.
    func publishDescription() async throws {
        guard try await runner.waitUntilSettled() else { return }
        for await state in connection.states() where state == .connected {
            do {
                try await connection.publish(
                    describe(),
                    to: Topic<NodeDescription>(nodeName.describe),
                    options: PublishOptions(retain: true)
                )
            } catch let error as MessagingError where error.code == .notConnected {
                // The link went in this moment; it is published when it is back.
            }
        }
    }
}

/// What components do for others, those of groups after the group's own.
private func contracts(of components: [any Component]) -> [ComponentContract?] {
    components.flatMap { component -> [ComponentContract?] in
        [component.contract] + contracts(of: (component as? any ComponentContainer)?.members ?? [])
    }
}
