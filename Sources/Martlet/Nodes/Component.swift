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
    /// What it is called in logs and in the node's health. Several of one name in a node are numbered.
    var name: String { get }

    /// What becomes of it when it fails; by default ``FailurePolicy/endNode``.
    var failurePolicy: FailurePolicy { get }

    /// Whether it calls ``NodeContext/ready()`` itself once others can find it. By default it counts as running from
    /// the moment it is run.
    var reportsReadiness: Bool { get }

    /// Throws a ``MessagingError`` that says what is wrong with how it was made. Called before anything runs; by
    /// default it is content.
    func validate() throws

    /// Does its work. What it throws is its failure; returning means that it is done.
    func run(in context: NodeContext) async throws
}

extension Component {
    /// The type's name.
    public var name: String { String(describing: Self.self) }

    /// The node ends.
    public var failurePolicy: FailurePolicy { .endNode }

    /// It counts as running from the moment it is run.
    public var reportsReadiness: Bool { false }

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
protocol ComponentContainer {
    var members: [any Component] { get }
}
