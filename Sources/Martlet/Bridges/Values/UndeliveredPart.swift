/// The cause of an error that a sink tells of a message which it has delivered in part: what it has not delivered. A route
/// buries that alone.
public struct UndeliveredPart: Error, Sendable, Hashable, CustomStringConvertible {
    /// The body of the dead letter.
    public let body: [UInt8]

    /// A part of a message's body.
    public init(body: [UInt8]) {
        self.body = body
    }

    /// Its size alone: bodies may hold secrets.
    public var description: String { "\(body.count) bytes were not delivered" }
}
