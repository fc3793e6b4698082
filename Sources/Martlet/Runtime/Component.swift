/// A part of a node: something that runs for as long as the node does.
///
/// ``Respond``, ``Subscribe``, ``Consume``, ``Every``, ``Execute``, ``Listen`` and ``Group`` are components. One of
/// your own is a type with ``run(in:)``:
///
/// ```swift
/// struct Watchdog: Component {
///     let name = "watchdog"
///     func run(in context: NodeContext) async throws { … }
/// }
/// ```
///
/// It keeps three rules. When graceful shutdown begins (`withGracefulShutdownHandler` of ServiceLifecycle tells, in a
/// service group or not, and when the node is stopped by remote control) it takes on nothing new and returns once the
/// work in hand is done. When its task is cancelled it ends at once. And it leaves nothing behind: it may be run
/// again.
public protocol Component: Sendable {
    /// Its name in logs and in the node's health. Several of one name in a node are numbered.
    var name: String { get }

    /// How it goes on when it fails; by default ``FailurePolicy/endNode``.
    var failurePolicy: FailurePolicy { get }

    /// Whether it calls ``NodeContext/ready()`` itself once others can find it. By default it counts as running from
    /// the moment it is run.
    var reportsReadiness: Bool { get }

    /// What it does for others, for the node's description; by default it does not say.
    var contract: ComponentContract? { get }

    /// Throws a ``MessagingError`` that says which of its arguments is not valid. Called before anything runs; by
    /// default it is content.
    func validate() throws

    /// Does its work. An error that it throws is its failure; returning means that it is done.
    func run(in context: NodeContext) async throws
}

extension Component {
    /// The type's name.
    public var name: String { String(describing: Self.self) }

    /// The node ends.
    public var failurePolicy: FailurePolicy { .endNode }

    /// It counts as running from the moment it is run.
    public var reportsReadiness: Bool { false }

    /// It does not say.
    public var contract: ComponentContract? { nil }

    /// Nothing can be wrong.
    public func validate() throws {}

    /// The same component with another failure policy.
    public func onFailure(_ policy: FailurePolicy) -> ModifiedComponent {
        ModifiedComponent(self, failurePolicy: policy)
    }

    /// The same component with another name.
    public func named(_ name: String) -> ModifiedComponent {
        ModifiedComponent(self, name: name)
    }
}

/// A component made of components.
package protocol ComponentContainer {
    var members: [any Component] { get }
    /// What its members take turns by; `nil`: they run side by side.
    var turns: Turns? { get }
}

extension ComponentContainer {
    package var turns: Turns? { nil }
}

extension Component {
    /// The component, and those that it is made of.
    package var withMembers: [any Component] {
        if let modified = self as? ModifiedComponent { return modified.base.withMembers }
        return [self] + ((self as? any ComponentContainer)?.members.flatMap(\.withMembers) ?? [])
    }
}

/// How a component goes on that fails: its `run` throws although it was not cancelled.
public enum FailurePolicy: Sendable, Hashable {
    /// It is run again after a delay. When the back-off's attempts are exhausted it is as with ``endNode``. A component
    /// that has run for longer than the longest delay counts its attempts anew.
    case restart(Backoff = Backoff())
    /// It ends; the others go on.
    case end
    /// The node ends, and its `run()` throws the component's error. Inside a ``Group`` it is the group that fails, and
    /// its policy that decides.
    case endNode
}

/// Makes a list of components of what stands in a node's or a group's braces: components one a line, `if`, `switch`,
/// `for`, and arrays of components.
@resultBuilder
public enum ComponentBuilder {
    /// One component.
    public static func buildExpression(_ component: some Component) -> [any Component] { [component] }
    /// Components that were made elsewhere.
    public static func buildExpression(_ components: [any Component]) -> [any Component] { components }
    /// One after the other.
    public static func buildBlock(_ parts: [any Component]...) -> [any Component] { parts.flatMap { $0 } }
    /// An `if` without `else`.
    public static func buildOptional(_ part: [any Component]?) -> [any Component] { part ?? [] }
    /// The first branch of an `if` or `switch`.
    public static func buildEither(first part: [any Component]) -> [any Component] { part }
    /// The other branch.
    public static func buildEither(second part: [any Component]) -> [any Component] { part }
    /// A `for` loop.
    public static func buildArray(_ parts: [[any Component]]) -> [any Component] { parts.flatMap { $0 } }
    /// An `if #available`.
    public static func buildLimitedAvailability(_ part: [any Component]) -> [any Component] { part }
}

/// A component with another name or another failure policy than its own.
public struct ModifiedComponent: Component, ComponentContainer {
    /// Its name.
    public let name: String
    /// How it goes on when it fails.
    public let failurePolicy: FailurePolicy
    fileprivate let base: any Component

    init(_ base: any Component, name: String? = nil, failurePolicy: FailurePolicy? = nil) {
        self.base = base
        self.name = name ?? base.name
        self.failurePolicy = failurePolicy ?? base.failurePolicy
    }

    /// As the component itself.
    public var reportsReadiness: Bool { base.reportsReadiness }

    /// As the component itself.
    public var contract: ComponentContract? { base.contract }

    package var members: [any Component] { (base as? any ComponentContainer)?.members ?? [] }
    package var turns: Turns? { (base as? any ComponentContainer)?.turns }

    /// As the component itself.
    public func validate() throws { try base.validate() }

    /// As the component itself.
    public func run(in context: NodeContext) async throws { try await base.run(in: context) }
}
