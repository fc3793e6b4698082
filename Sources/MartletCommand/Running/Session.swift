import Logging
import Martlet
import MartletBrokers
import MartletConsole

/// What a subcommand runs in: where it writes, what it is asked to end by, and the way to a broker.
struct Session: Sendable {
    let streams: StandardStreams
    let output: OutputWriter
    let interruption = Interruption()
    /// Of standard error.
    let errorStyle: TextStyle

    /// Whether remarks are wanted, also where nobody seems to watch.
    private let isTalkative: Bool

    init(streams: StandardStreams, isVerbose: Bool) {
        self.streams = streams
        isTalkative = isVerbose || streams.errors.isTerminal
        output = OutputWriter(streams.output)
        errorStyle = TextStyle(isUsed: streams.errors.usesColor)
    }

    /// Says on standard error what went wrong.
    func complain(_ failure: Failure) {
        streams.errors.writeIgnoringErrors(failure.text(style: errorStyle))
    }

    /// Says something that belongs neither to the output nor to the errors, to a person who watches or to who asked for it.
    func remark(_ text: String) {
        guard isTalkative else { return }
        streams.errors.writeIgnoringErrors(errorStyle.faint(text.printableLines) + "\n")
    }

    /// Connects to a broker, runs `body`, and closes the connection, whichever way `body` ends.
    ///
    /// - Parameters:
    ///   - made: what the connection is made with; by default what the arguments say.
    ///   - tell: says when the link is lost or back; by default on standard error.
    /// - Throws: ``Failure`` if the broker can't be reached, or has refused a message when nobody waited for its word; what
    ///   `body` throws.
    func withConnection<Result: Sendable>(
        to address: BrokerAddress,
        _ options: ConnectionArguments,
        made: ConnectionOptions? = nil,
        tell: (@Sendable (String) -> Void)? = nil,
        _ body: (any Connection) async throws -> Result
    ) async throws -> Result {
        let connection = try await connect(
            to: address,
            made ?? options.connectionOptions,
            within: options.connectTimeout
        )
        return try await use(
            connection,
            "\(address)",
            tell: tell ?? { [streams] in streams.errors.writeIgnoringErrors($0 + "\n") },
            body
        )
    }

    /// Runs `body` with a connection, and closes it, whichever way `body` ends.
    ///
    /// - Parameters:
    ///   - address: what it is a connection to, as people are told.
    ///   - tell: says when the link is lost or back.
    /// - Throws: as ``withConnection(to:_:made:tell:_:)`` for a connection that there is.
    func use<Result: Sendable>(
        _ connection: any Connection,
        _ address: String,
        tell: @escaping @Sendable (String) -> Void,
        _ body: (any Connection) async throws -> Result
    ) async throws -> Result {
        do {
            let result = try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await tellLosses(of: connection, address, tell) }
                defer { group.cancelAll() }
                return try await body(connection)
            }
            await connection.close()
            try checkRefusals(of: connection, address)
            return result
        } catch {
            await connection.close()
            // A refusal is why nothing came in time, and tells more than the end of a command that would have gone on.
            let isConsequence = error is CancellationError || (error as? Failure)?.exit == .timeIsOver
            if isConsequence { try checkRefusals(of: connection, address) }
            throw error
        }
    }

    /// - Throws: ``Failure`` if the broker has refused a message when nobody waited for its word.
    func checkRefusals(of connection: any Connection, _ address: String) throws {
        let statistics = connection.statistics
        guard statistics.refused > 0 else { return }
        let messages = statistics.refused == 1 ? "a message" : "\(statistics.refused) messages"
        throw Failure(
            .failure,
            "\(address) refused \(messages): \(statistics.lastRefusal ?? "it did not say why")",
            advice: Failure.adviceOnRights
        )
    }

    /// Waits until the broker has refused a message.
    ///
    /// - Throws: ``Failure`` then; `CancellationError`.
    func waitForRefusals(of connections: [any Connection], _ address: String) async throws {
        while true {
            for connection in connections { try checkRefusals(of: connection, address) }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    private func connect(
        to address: BrokerAddress,
        _ options: ConnectionOptions,
        within limit: Duration
    ) async throws -> any Connection {
        let start = ContinuousClock.now
        do {
            // Where others follow, the limit is that of an attempt.
            if options.whenUnreachable == .retry {
                return try await address.connect(options, within: limit)
            }
            return try await withTimeLimit(limit) {
                try await address.connect(options)
            }
        } catch let error as MessagingError where error.code == .invalidArgument || error.code == .unsupported {
            throw Failure(.usage, error.message)
        } catch let error as MessagingError {
            throw unreachable(address, error.code, error.message, since: start)
        } catch is TimeIsOver {
            throw unreachable(address, .timeout, "it gave no answer", since: start)
        }
    }

    private func unreachable(
        _ address: BrokerAddress,
        _ code: MessagingError.Code,
        _ reason: String,
        since start: ContinuousClock.Instant
    ) -> Failure {
        let time = (ContinuousClock.now - start).seconds.formatted(decimals: 1)
        if code == .refused {
            return Failure(
                .unavailable,
                "\(address) does not let us in: \(reason)",
                advice: "Check the user and the password in the URL and, with TLS, its options cafile, certfile and "
                    + "servername."
            )
        }
        return Failure(
            .unavailable,
            "\(address) can't be reached; tried for \(time) s\n  \(code): \(reason)",
            advice: "See whether the broker runs there, and whether host, port and scheme of the URL are right."
        )
    }

    /// Says when the link is lost or was not there to begin with, and when it is back.
    private func tellLosses(
        of connection: any Connection,
        _ address: String,
        _ tell: @Sendable (String) -> Void
    ) async {
        var (isLost, hadLink) = (false, false)
        for await state in connection.states() {
            switch state {
            case .connecting:
                // The log has said why.
                isLost = true
            case .disconnected where !isLost:
                isLost = true
                tell("martlet: the link to \(address) is lost; trying to get it back")
            case .connected where isLost:
                isLost = false
                tell("martlet: the link to \(address) is \(hadLink ? "back" : "there")")
            default: break
            }
            hadLink = hadLink || state == .connected
        }
    }
}
