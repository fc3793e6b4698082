public import Martlet

/// One promise of `Connection`, or of a pattern on it, and the program that finds out whether it is kept.
public struct ConformanceCheck: Sendable, CustomStringConvertible {
    /// What came of a run that did not fail.
    public enum Outcome: Sendable, Hashable {
        /// The promise was kept.
        case passed
        /// The connection does not make this promise, for that reason.
        case skipped(String)
    }

    /// What is promised, in a few words. No two checks have the same name.
    public let name: String
    /// Whether the promise also holds from one broker to another, and what a bridge has to pass on for it.
    public let crosses: ConformanceCrossing
    /// What the broker must be capable of for the promise to hold.
    public let requires: Capabilities
    /// Whether it takes the link away, and so needs a ``CuttableConnection``.
    public let cutsLinks: Bool
    /// The faults that the promise survives.
    public let tolerates: FaultKinds
    /// After how long it has failed.
    public let timeLimit: Duration
    private let body: @Sendable (ConformanceEnvironment) async throws -> Void

    /// A check.
    ///
    /// - Parameters:
    ///   - name: what is promised, in a few words.
    ///   - crosses: by default a bridge has to pass on every topic of the run.
    ///   - requires: what the broker must be capable of; by default nothing.
    ///   - cutsLinks: whether it takes the link away.
    ///   - tolerates: the faults that the promise survives; by default delay.
    ///   - timeLimit: after how long it has failed; by default two minutes.
    ///   - body: throws a ``ConformanceFailure`` if the promise is not kept.
    public init(
        _ name: String,
        crosses: ConformanceCrossing = [.everyTopic],
        requires: Capabilities = [],
        cutsLinks: Bool = false,
        tolerates: FaultKinds = .delay,
        timeLimit: Duration = .seconds(120),
        _ body: @escaping @Sendable (ConformanceEnvironment) async throws -> Void
    ) {
        self.name = name
        self.crosses = crosses
        self.requires = requires
        self.cutsLinks = cutsLinks
        self.tolerates = tolerates
        self.timeLimit = timeLimit
        self.body = body
    }

    /// Its name.
    public var description: String { name }

    /// Runs the check on connections that a function makes, all to one broker, and closes them.
    ///
    /// - Throws: ``ConformanceFailure``, also if the check is not done within its time limit, or what the connection
    ///   threw.
    @discardableResult
    public func run(_ connect: @escaping ConformanceEnvironment.Connect) async throws -> Outcome {
        let environment = ConformanceEnvironment(check: name, connect: connect)
        return try await run(in: environment) { [self] in
            let sample = try await environment.connect()
            if let reason = reasonToSkip(from: sample, to: sample) { return .skipped(reason) }
            try await body(environment)
            return .passed
        }
    }

    /// Runs the check through a bridge: who publishes, sends and calls is at one broker, who hears of it at another.
    ///
    /// - Parameters:
    ///   - source: makes a connection to the one broker.
    ///   - sink: makes a connection to the other.
    ///   - bridge: makes a bridge of the check's routes, which runs while the check does. Its connections stay open, and
    ///     may be those of other checks' bridges.
    /// - Throws: as ``run(_:)``, and what the bridge threw.
    @discardableResult
    public func run(
        from source: @escaping ConformanceEnvironment.Connect,
        to sink: @escaping ConformanceEnvironment.Connect,
        through bridge: @escaping @Sendable (ConformanceRoutes) async throws -> Bridge
    ) async throws -> Outcome {
        let environment = ConformanceEnvironment(check: name, source: source, sink: sink)
        let routes: ConformanceRoutes
        switch crosses {
        case .through(let crossing): routes = ConformanceRoutes(crossing, in: environment)
        case .not(let reason): return .skipped(reason)
        }
        return try await run(in: environment) { [self] in
            if !requires.isEmpty || cutsLinks {
                let (source, sink) = try await environment.connectBoth()
                if let reason = reasonToSkip(from: source, to: sink) { return .skipped(reason) }
            }
            return try await bridge(routes).whileRunning(readyWithin: timeLimit) { [self] in
                // Whoever reads no more is not to hold up the bridge's end.
                do {
                    try await body(environment)
                } catch {
                    await environment.close()
                    throw error
                }
                await environment.close()
                return .passed
            }
        }
    }

    private func run(
        in environment: ConformanceEnvironment,
        _ body: @escaping @Sendable () async throws -> Outcome
    ) async throws -> Outcome {
        let limited = LimitedTask(body)
        let result = await limited.result(within: timeLimit)
        switch result {
        case .finished(let result):
            await environment.close()
            return try result.get()
        case .overdue:
            // Closing ends what the check waits for, unless that is what does not work.
            let closing = LimitedTask { await environment.close() }
            _ = await closing.result(within: .seconds(5))
            _ = await limited.result(within: .seconds(5))
            throw ConformanceFailure(
                check: name,
                expected: "it to end within \(timeLimit)",
                actual: "it was still running"
            )
        }
    }

    /// What the broker of a bridge's sink is capable of, whatever that of its source is.
    private static let givenBySink: Capabilities = [.redelivery, .responderDetection, .durableQueues]

    private func reasonToSkip(from source: any Connection, to sink: any Connection) -> String? {
        var needed = requires
        if source !== sink {
            needed.subtract(Self.givenBySink)
            // Otherwise a bridge does not know what to have kept.
            if needed.contains(.retain) { needed.insert(.retainAsPublished) }
        }
        if !source.capabilities.isSuperset(of: needed) || !sink.capabilities.isSuperset(of: requires) {
            return "the broker is not capable of it"
        }
        let areCuttable = [source, sink].allSatisfy { ($0 as? any CuttableConnection)?.isCuttable == true }
        return cutsLinks && !areCuttable ? "the link can't be cut" : nil
    }
}
