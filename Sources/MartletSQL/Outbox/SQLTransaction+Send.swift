public import Martlet

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension SQLTransaction {
    /// Sends a value to a queue if, and only if, the transaction is committed. An ``Outbox`` does it afterwards.
    ///
    /// The message has an ID, by which a consumer knows it again should it come twice.
    ///
    /// - Parameters:
    ///   - value: the value.
    ///   - queue: where to.
    ///   - headers: what travels beside it; an ID in them is kept.
    ///   - codec: what it is written with; by default JSON.
    /// - Throws: ``SQLError``; `MessagingError` for a name that is none or a value that can't be encoded;
    ///   `CancellationError`.
    public func send<Value>(
        _ value: Value,
        to queue: Queue<Value>,
        headers: Headers = Headers(),
        codec: any Codec = JSONCodec()
    ) async throws {
        try queue.name.validate()
        try await put(.init(kind: .queue, name: queue.name.text, message: Self.message(value, headers, codec)))
    }

    /// Publishes a value if, and only if, the transaction is committed; otherwise as ``send(_:to:headers:codec:)``.
    public func publish<Value>(
        _ value: Value,
        to topic: Topic<Value>,
        headers: Headers = Headers(),
        codec: any Codec = JSONCodec()
    ) async throws {
        try topic.name.validate()
        try await put(.init(kind: .topic, name: topic.name.text, message: Self.message(value, headers, codec)))
    }

    private static func message<Value: Encodable>(_ value: Value, _ headers: Headers, _ codec: any Codec) throws
        -> Message
    {
        var message = try Codecs().message(value, codec: codec)
        for (name, header) in headers { message.headers[name] = header }
        if message.headers.messageID == nil { message.headers.messageID = UUID().uuidString.lowercased() }
        return message
    }

    private func put(_ entry: OutboxEntry) async throws {
        let statement: SQL = """
            INSERT INTO martlet_outbox (kind, name, message) VALUES (\(entry.kind.rawValue), \(entry.name), \(entry.record))
            """
        do {
            try await execute(statement)
        } catch let error as SQLError where error.code == .invalidStatement {
            throw SQLError(
                .invalidStatement,
                "the database has no outbox yet: it is made by Database.prepareOutbox(), or by an Outbox that has run",
                state: error.state
            )
        }
    }
}
