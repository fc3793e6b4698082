extension Database {
    /// A handler of one thing, made of one that is lent a session as well: for what has no `in:`, such as components of products
    /// that know no databases.
    ///
    /// ```swift
    /// Method("find", handler: database.lending { (user: UserID, db) in
    ///     try await db.first("SELECT id, name FROM users WHERE id = \(user.id)", as: User.self)
    /// })
    /// ```
    ///
    /// Each call waits for a session and gives it back when `handler` returns, throws or is cancelled. It throws what `handler`
    /// throws, and as ``withSession(_:)``.
    ///
    /// - Parameter handler: is called with what the handler is called with, and the session.
    public func lending<Input: Sendable, Output: Sendable>(
        _ handler: @escaping @Sendable (Input, any SQLSession) async throws -> Output
    ) -> @Sendable (Input) async throws -> Output {
        { input in try await withSession { try await handler(input, $0) } }
    }

    /// A handler of two things, such as a value and its delivery, made of one that is lent a session as well.
    public func lending<First: Sendable, Second: Sendable, Output: Sendable>(
        _ handler: @escaping @Sendable (First, Second, any SQLSession) async throws -> Output
    ) -> @Sendable (First, Second) async throws -> Output {
        { first, second in try await withSession { try await handler(first, second, $0) } }
    }

    /// A body without parameters, such as that of `Execute`, made of one that is lent a session.
    public func lending<Output: Sendable>(
        _ body: @escaping @Sendable (any SQLSession) async throws -> Output
    ) -> @Sendable () async throws -> Output {
        { try await withSession { try await body($0) } }
    }
}
