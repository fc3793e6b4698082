extension Node {
    /// How the node and its components are, now and after each change, until the node has ended.
    ///
    /// ```swift
    /// for await health in node.healthChanges() where !health.isHealthy { … }
    /// ```
    ///
    /// Any number of tasks may follow it, each with a sequence of its own. Of changes that come faster than they are read the
    /// last one counts.
    public func healthChanges() -> NodeHealthChanges { NodeHealthChanges(self) }
}

/// How a node is, each time that it changes; see ``Node/healthChanges()``.
public struct NodeHealthChanges: AsyncSequence, Sendable {
    private let node: Node

    init(_ node: Node) {
        self.node = node
    }

    /// Follows the node.
    public func makeAsyncIterator() -> Iterator { Iterator(node: node) }

    /// Follows a node's health.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let node: Node
        private var last: NodeHealth?

        fileprivate init(node: Node) {
            self.node = node
        }

        /// The health, at once the first time, then when it is another one; `nil` when the node has ended and that was told, when
        /// shutdown of this task begins, or when it is cancelled.
        public mutating func next(isolation: isolated (any Actor)? = #isolation) async -> NodeHealth? {
            guard last?.state != .exited, !Task.isCancelled else { return nil }
            let node = node
            if let last {
                let hasChanged = try? await node.runner.wait { node.health(of: $0) != last }
                guard hasChanged == true else { return nil }
            }
            last = node.health
            return last
        }
    }
}
