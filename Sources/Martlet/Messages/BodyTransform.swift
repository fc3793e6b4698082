/// Changes all that a connection sends, and changes it back on arrival: compression, another serialization, encryption.
///
/// It sees the bytes as the broker carries them, the envelope included, and nothing on the wire says that it was there:
/// every peer must have the same. Headers that the broker carries beside the bytes (AMQP, MQTT 5) are not changed. It is
/// used from many threads at once.
///
/// See ``ConnectionOptions/transforms``.
public protocol BodyTransform: Sendable {
    /// What peers of other libraries call the media type of what it sends, where the broker carries that beside the bytes:
    /// a message of such a type has none any more when it has been changed back. By default there is none.
    var contentTypes: [String] { get }

    /// The bytes to send; never called for an empty body. What it throws reaches the sender as
    /// ``MessagingError/Code/encodingFailed``, or as itself if it is a ``MessagingError``.
    func outgoing(_ bytes: [UInt8]) throws -> [UInt8]

    /// The bytes that were meant by those that arrived, which may be anything at all: it throws for what it can't read,
    /// never traps, and bounds how much comes of little; never called for an empty body.
    ///
    /// A message for which it throws is counted in ``ConnectionStatistics/undecodable`` and skipped; one from a queue
    /// becomes a dead letter, where the broker has such.
    func incoming(_ bytes: [UInt8]) throws -> [UInt8]
}

extension BodyTransform {
    /// None.
    public var contentTypes: [String] { [] }
}
