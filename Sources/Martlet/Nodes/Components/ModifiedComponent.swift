/// A component with another name or another failure policy than its own.
public struct ModifiedComponent: Component, ComponentContainer {
    /// What it is called.
    public let name: String
    /// What becomes of it when it fails.
    public let failurePolicy: FailurePolicy
    private let base: any Component

    init(_ base: any Component, name: String? = nil, failurePolicy: FailurePolicy? = nil) {
        self.base = base
        self.name = name ?? base.name
        self.failurePolicy = failurePolicy ?? base.failurePolicy
    }

    /// As the component itself.
    public var reportsReadiness: Bool { base.reportsReadiness }

    var members: [any Component] { (base as? any ComponentContainer)?.members ?? [] }

    /// As the component itself.
    public func validate() throws { try base.validate() }

    /// As the component itself.
    public func run(in context: NodeContext) async throws { try await base.run(in: context) }
}
