/// A contract: the name of a remote procedure, what it takes and what it returns.
///
/// ```swift
/// let add = RPC<Pair, Sum>("thing.device0.ops.add")
/// let sum = try await connection.call(add, Pair(a: 1, b: 2), timeout: .seconds(1))
/// ```
public struct RPC<Request: Codable & Sendable, Response: Codable & Sendable>: Sendable, Hashable {
    /// The queue that requests go to.
    public let name: QueueName

    /// A contract for the procedure of this name; the name is checked when it is first used.
    public init(_ name: QueueName) {
        self.name = name
    }
}
