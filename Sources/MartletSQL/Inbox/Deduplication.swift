import Martlet

/// How a message is known again that comes twice.
///
/// A broker that is not told in time that a message was handled delivers it again. What was handled is kept in the table
/// `martlet_inbox`, in the transaction of its effects, so that it has them once.
public struct Deduplication<Value: Sendable>: Sendable {
    enum Key: Sendable {
        case messageID
        case member(@Sendable (Value) -> String)
        case none
    }

    let key: Key
    /// How long it is kept that a message was handled; 7 days. One that comes again later has its effects again.
    public var keep: Duration = .seconds(7 * 86_400)

    private init(_ key: Key) {
        self.key = key
    }

    /// By the message's ID. One that has none is an error, which the handler's policy treats: peers in Python send none.
    public static var messageID: Deduplication { Deduplication(.messageID) }

    /// By a member of the value that no other message's value has.
    public static func by<ID: CustomStringConvertible & Sendable>(_ member: any KeyPath<Value, ID> & Sendable)
        -> Deduplication
    {
        Deduplication(.member { $0[keyPath: member].description })
    }

    /// Not at all: a message that comes twice has its effects twice.
    public static var none: Deduplication { Deduplication(.none) }

    /// Keeps what was handled for another time than 7 days.
    public func kept(for duration: Duration) -> Deduplication {
        var copy = self
        copy.keep = duration
        return copy
    }

    /// What a message is known by; `nil` if it is not to be known again.
    func id(of value: Value, _ headers: Headers, of source: String) throws(SQLError) -> String? {
        switch key {
        case .member(let id): return id(value)
        case .none: return nil
        case .messageID:
            if let id = headers.messageID, !id.isEmpty { return id }
            // A request that is delivered again goes to the same address under the same number.
            if let number = headers.correlationID, let address = headers.replyTo { return "\(number)@\(address)" }
            throw SQLError(
                .missingMessageID,
                "a message of \(source) has no ID: deduplicate by a member of the value, or say .none"
            )
        }
    }
}
