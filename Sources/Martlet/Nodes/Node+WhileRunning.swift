import ServiceLifecycle

extension Node {
    /// Runs the node for as long as `body` takes: for scripts and tests, where no service group runs it.
    ///
    /// ```swift
    /// try await calculator.whileRunning {
    ///     print(try await caller.call(add, Pair(a: 20, b: 22)))
    /// }
    /// ```
    ///
    /// `body` begins once the node's components can be found. When it has returned the node is shut down in order: work
    /// in hand is finished within ``NodeOptions/drainLimit``. If `body` throws, the node's components are cancelled. If
    /// the node ends or fails first, `body` is cancelled.
    ///
    /// - Parameter limit: how long the node may take to be ready.
    /// - Returns: what `body` returned.
    /// - Throws: the node's error if it failed while `body` ran; otherwise what `body` throws; as ``run()`` and
    ///   ``waitUntilReady(within:)``.
    public func whileRunning<Result: Sendable>(
        readyWithin limit: Duration = .seconds(10),
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: self, successTerminationBehavior: .ignore)],
                logger: logger
            )
        )
        return try await withThrowingTaskGroup(of: Result?.self) { tasks in
            tasks.addTask {
                try await group.run()
                return nil
            }
            tasks.addTask {
                try await self.waitUntilReady(within: limit)
                return try await body()
            }
            defer { tasks.cancelAll() }
            var result: Result?
            while let ended = try await tasks.next() {
                if let value = ended {
                    result = value
                    await group.triggerGracefulShutdown()
                } else if result == nil {
                    tasks.cancelAll()
                }
            }
            guard let result else { throw CancellationError() }
            return result
        }
    }
}
