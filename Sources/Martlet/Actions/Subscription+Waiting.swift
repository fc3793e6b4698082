extension Subscription {
    /// What came of waiting for a while.
    enum Arrival {
        case delivery(Delivery)
        case nothing
        case end
    }

    /// The next delivery if there is one by a time. None is lost: one that arrives in the moment in which the time is
    /// over is returned.
    func next(until time: Duration, _ timers: Timers) async throws -> Arrival {
        try await next { try await timers.sleep(for: time - timers.now) }
    }

    /// The next delivery if there is one before a wait is over; as ``next(until:_:)``.
    func next(during wait: @escaping @Sendable () async throws -> Void) async throws -> Arrival {
        if let delivery = nextIfReady() { return .delivery(delivery) }
        let arrival = try await withThrowingTaskGroup(of: Arrival?.self) { group in
            group.addTask { try await next().map(Arrival.delivery) ?? .end }
            group.addTask {
                try await wait()
                return nil
            }
            var arrival = try await group.next() ?? nil
            group.cancelAll()
            // The one that was second has been cancelled, or was just as fast.
            while let result = await group.nextResult() {
                if case .success(let other?) = result { arrival = other }
            }
            return arrival
        }
        try Task.checkCancellation()
        return arrival ?? .nothing
    }
}
