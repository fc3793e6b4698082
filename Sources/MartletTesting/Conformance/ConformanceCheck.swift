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
    /// - Parameter body: throws a ``ConformanceFailure`` if the promise is not kept.
    public init(
        _ name: String,
        requires: Capabilities = [],
        cutsLinks: Bool = false,
        tolerates: FaultKinds = .delay,
        timeLimit: Duration = .seconds(120),
        _ body: @escaping @Sendable (ConformanceEnvironment) async throws -> Void
    ) {
        self.name = name
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
        let limited = LimitedTask<Outcome> { [self] in
            let sample = try await environment.connect()
            if let reason = reasonToSkip(sample) { return .skipped(reason) }
            try await body(environment)
            return .passed
        }
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

    private func reasonToSkip(_ connection: any Connection) -> String? {
        if !connection.capabilities.isSuperset(of: requires) { return "the broker is not capable of it" }
        if cutsLinks, (connection as? any CuttableConnection)?.isCuttable != true { return "the link can't be cut" }
        return nil
    }
}
