import Martlet

/// Redis' own commands, for whoever also wants its keys.
extension RedisConnection {
    /// Runs a command on the socket that publishes and sends use, too: those of many tasks share its packets.
    ///
    /// ```swift
    /// let visits: Int = try await redis.command("INCR", "visits")
    /// let name: String? = try await redis.command("GET", "name")
    /// ```
    ///
    /// Cancelling the task leaves the connection alone; the command may have run.
    ///
    /// - Parameters:
    ///   - words: the command and its arguments.
    ///   - isRepeatable: whether running it twice does no harm. It then waits for a lost link, and is sent again where
    ///     it is not known whether it ran.
    ///   - timeout: how long a repeatable one may take, waiting for the link included; `nil`: for ever.
    ///   - type: what the reply is read as.
    /// - Throws: `MessagingError.Code.refused` with a ``RedisError`` as its cause;
    ///   `MessagingError.Code.decodingFailed` if the reply is something else than the type that is asked for;
    ///   `MessagingError.Code.notConnected` if it has not run, `MessagingError.Code.connectionLost` if it may or may
    ///   not have; `MessagingError.Code.invalidArgument` for one that can't run on a shared socket;
    ///   `CancellationError`.
    public nonisolated func command<Value: RedisConvertible>(
        _ words: RedisArgument...,
        isRepeatable: Bool = false,
        timeout: Duration? = nil,
        as type: Value.Type = Value.self
    ) async throws -> Value {
        try await Value(run(RedisCommand(words), isRepeatable: isRepeatable, timeout: timeout))
    }

    /// Runs a command and returns the server's reply; otherwise as the typed form.
    @discardableResult
    public nonisolated func command(
        _ words: RedisArgument...,
        isRepeatable: Bool = false,
        timeout: Duration? = nil
    ) async throws -> RedisValue {
        try await RedisValue(run(RedisCommand(words), isRepeatable: isRepeatable, timeout: timeout))
    }

    /// Runs a command that was put together before; otherwise as the other forms.
    @discardableResult
    public nonisolated func command(
        _ command: RedisCommand,
        isRepeatable: Bool = false,
        timeout: Duration? = nil
    ) async throws -> RedisValue {
        try await RedisValue(run(command, isRepeatable: isRepeatable, timeout: timeout))
    }

    private nonisolated func run(
        _ command: RedisCommand,
        isRepeatable: Bool,
        timeout: Duration?
    ) async throws -> RedisValue {
        try command.validate()
        guard isRepeatable else { return try await session.submit([command.parts], slot: command.slot) }
        return try await session.submitGuaranteed([command.parts], slot: command.slot, within: timeout)
    }

    /// Runs commands one after the other without waiting in between: one way to the server and back for all of them.
    /// Others' commands may run in between.
    ///
    /// - Returns: their replies in order; a command that the server refuses has ``RedisValue/error(_:)`` as its reply,
    ///   and the others run all the same.
    /// - Throws: as ``command(_:isRepeatable:timeout:)-(RedisCommand,_,_)``, but for refusals.
    public nonisolated func pipeline(_ commands: [RedisCommand]) async throws -> [RedisValue] {
        guard !commands.isEmpty else { return [] }
        for command in commands { try command.validate() }
        let reply = try await session.submit(commands.map(\.parts), slot: commands.lazy.compactMap(\.slot).first)
        return commands.count == 1 ? [reply] : reply.array ?? []
    }

    /// Runs commands as one: nobody else's run in between, and either all of them run or none (`MULTI` and `EXEC`).
    ///
    /// - Returns: their replies in order. A command that fails when it runs, on a key of the wrong kind for instance,
    ///   has ``RedisValue/error(_:)`` as its reply; the others have run.
    /// - Throws: `MessagingError.Code.refused` if one of them is no command, so that none has run; otherwise as
    ///   ``pipeline(_:)``.
    public nonisolated func transaction(_ commands: [RedisCommand]) async throws -> [RedisValue] {
        guard !commands.isEmpty else { return [] }
        for command in commands { try command.validate() }
        let all = [[Array("MULTI".utf8)]] + commands.map(\.parts) + [[Array("EXEC".utf8)]]
        let replies = try await session.submit(all, slot: commands.lazy.compactMap(\.slot).first).array ?? []
        if let replies = replies.last?.array { return replies }
        // What the server says about the command itself tells more than what it says about the whole.
        let error = replies.dropLast().lazy.compactMap(\.error).first ?? replies.last?.error
        throw (error ?? RedisError("ERR the transaction did not run")).asMessagingError("the transaction")
    }
}
