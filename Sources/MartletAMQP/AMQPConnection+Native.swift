import Martlet

/// AMQP as it is. What is declared here is declared again on a new link, when an old one was lost.
///
/// What the broker refuses is thrown as `MessagingError.Code.refused`, with an ``AMQPReplyError`` as its cause:
/// 404 for what does not exist, 406 for what exists and is otherwise, 405 for what is another connection's own, 403 for
/// what is not allowed.
extension AMQPConnection {
    /// What a broker says of a queue.
    public struct QueueStatus: Sendable, Hashable {
        /// Its name, which the broker may have made up.
        public var name: String
        /// How many messages wait.
        public var messages: Int
        /// How many consumers it has.
        public var consumers: Int
    }

    /// Declares an exchange: it exists afterwards.
    ///
    /// - Parameters:
    ///   - exchange: the exchange as it is to be.
    ///   - passive: whether only to look if it exists, by its name alone.
    public func declare(_ exchange: AMQPExchange, passive: Bool = false) async throws {
        try exchange.validate()
        _ = try await session.declare(.declareExchange(exchange, passive: passive))
    }

    /// Deletes an exchange; it is no error that there is none.
    public func deleteExchange(_ name: String, ifUnused: Bool = false) async throws {
        try ShortText.check(name, "an exchange's name")
        _ = try await session.declare(.deleteExchange(name, ifUnused: ifUnused))
    }

    /// Declares a queue: it exists afterwards.
    ///
    /// - Parameters:
    ///   - queue: the queue as it is to be.
    ///   - passive: whether only to look if it exists, by its name alone.
    @discardableResult
    public func declare(_ queue: AMQPQueue, passive: Bool = false) async throws -> QueueStatus {
        try queue.validate()
        let reply = try await session.declare(.declareQueue(queue, passive: passive))
        guard case .queueDeclared(let name, let messages, let consumers) = reply else { throw Self.wrongAnswer }
        return QueueStatus(name: name, messages: Int(messages), consumers: Int(consumers))
    }

    /// Deletes a queue; it is no error that there is none.
    ///
    /// - Returns: how many messages went with it.
    @discardableResult
    public func deleteQueue(_ name: String, ifUnused: Bool = false, ifEmpty: Bool = false) async throws -> Int {
        try ShortText.check(name, "a queue's name")
        let reply = try await session.declare(.deleteQueue(name, ifUnused: ifUnused, ifEmpty: ifEmpty))
        guard case .queueDeleted(let messages) = reply else { throw Self.wrongAnswer }
        return Int(messages)
    }

    /// Deletes what waits in a queue.
    ///
    /// - Returns: how many messages that were.
    @discardableResult
    public func purgeQueue(_ name: String) async throws -> Int {
        try ShortText.check(name, "a queue's name")
        let reply = try await session.declare(.purgeQueue(name))
        guard case .queuePurged(let messages) = reply else { throw Self.wrongAnswer }
        return Int(messages)
    }

    /// Has an exchange hand messages to a queue.
    public func bindQueue(_ binding: AMQPBinding) async throws {
        try binding.validate()
        _ = try await session.declare(.bindQueue(binding))
    }

    /// Ends a queue's binding.
    public func unbindQueue(_ binding: AMQPBinding) async throws {
        try binding.validate()
        _ = try await session.declare(.unbindQueue(binding))
    }

    /// Has an exchange hand messages to another one.
    public func bindExchange(_ binding: AMQPBinding) async throws {
        try binding.validate()
        _ = try await session.declare(.bindExchange(binding))
    }

    /// Ends an exchange's binding.
    public func unbindExchange(_ binding: AMQPBinding) async throws {
        try binding.validate()
        _ = try await session.declare(.unbindExchange(binding))
    }

    /// Opens a channel.
    ///
    /// - Parameter confirms: whether its publishes are confirmed by the broker.
    /// - Throws: `MessagingError.Code.refused` if the connection may have no more.
    public func openChannel(confirms: Bool = true) async throws -> AMQPChannel {
        let id = try await session.openNative(confirms: confirms)
        return AMQPChannel(session, id: id, confirms: confirms)
    }

    /// Opens a channel, runs `body`, and closes the channel, whether `body` returns or throws.
    ///
    /// What `body` has settled and published counts; see ``AMQPChannel/close()``.
    public nonisolated func withChannel<Result>(
        confirms: Bool = true,
        _ body: (AMQPChannel) async throws -> Result
    ) async throws -> Result {
        let channel = try await openChannel(confirms: confirms)
        do {
            let result = try await body(channel)
            await channel.close()
            return result
        } catch {
            await channel.close()
            throw error
        }
    }

    private static var wrongAnswer: MessagingError {
        MessagingError(.connectionLost, "the broker's answer is to another question")
    }
}
