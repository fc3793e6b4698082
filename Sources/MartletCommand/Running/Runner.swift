import Martlet
import UnixSignals

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Runs a subcommand, ends it in order when a signal says so, and reports what went wrong.
enum Runner {
    private enum Event: Sendable {
        case done(Result<Void, any Error>)
        case outputClosed
        case nothing
    }

    static func run(_ command: some Subcommand) async -> CommandExit {
        let streams = StandardStreams()
        let session = Session(streams: streams, isVerbose: command.connection.verbose)
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        let result = await withTaskGroup(of: Event.self) { group in
            group.addTask { .done(await perform(command, in: session)) }
            group.addTask {
                await raise(session.interruption, on: signals)
                return .nothing
            }
            if !command.endsByItself {
                group.addTask {
                    await endInTime(session)
                    return .nothing
                }
            }
            group.addTask {
                do {
                    try await streams.waitUntilOutputIsClosed()
                    return .outputClosed
                } catch {
                    return .nothing
                }
            }
            defer { group.cancelAll() }
            for await event in group {
                switch event {
                case .done(let result): return result
                case .outputClosed:
                    // Whoever read the output has all that he wanted.
                    group.cancelAll()
                    for await case .done in group { break }
                    return .failure(OutputClosed())
                case .nothing: break
                }
            }
            return .success(())
        }
        await streams.close()
        return conclude(result, of: command, in: session)
    }

    /// A first signal asks the command to end; a second one ends the process where it is.
    private static func raise(_ interruption: Interruption, on signals: UnixSignalsSequence) async {
        for await signal in signals {
            let exit: CommandExit = signal == .sigint ? .interrupted : .terminated
            if interruption.exit != nil { _exit(exit.rawValue) }
            interruption.raise(exit)
        }
    }

    /// Ends the process if the command has been asked to end and takes too long: a connection to a broker that is silent may.
    private static func endInTime(_ session: Session) async {
        do {
            try await session.interruption.wait()
            try await Task.sleep(for: patience)
        } catch {
            return
        }
        guard let exit = session.interruption.exit else { return }
        session.streams.errors.writeIgnoringErrors("martlet: ended without a goodbye to the broker\n")
        _exit(exit.rawValue)
    }

    /// How long a command may take to end: as long as closing a connection does at most, and some.
    private static let patience = Duration.seconds(10)

    private static func perform(_ command: some Subcommand, in session: Session) async -> Result<Void, any Error> {
        await withTaskGroup(of: Result<Void, any Error>?.self) { group in
            group.addTask {
                do {
                    return .success(try await command.perform(in: session))
                } catch {
                    return .failure(error)
                }
            }
            if !command.endsByItself {
                group.addTask {
                    try? await session.interruption.wait()
                    return nil
                }
            }
            var result: Result<Void, any Error>?
            while result == nil, let next = await group.next() {
                result = next
                group.cancelAll()
            }
            return result ?? .success(())
        }
    }

    private static func conclude(
        _ result: Result<Void, any Error>,
        of command: some Subcommand,
        in session: Session
    ) -> CommandExit {
        guard case .failure(let error) = result else { return .success }
        if let end = error as? CommandEnd { return end.exit }
        if error is OutputClosed { return .success }
        // Whatever it was that the cancellation made of the work in hand, it was cancelled because somebody wanted that.
        if let exit = session.interruption.exit, !(error is Failure) { return command.isEndless ? .success : exit }
        let failure =
            switch error {
            case let failure as Failure: failure
            case let error as MessagingError: Failure(error, about: "it")
            case is TimeIsOver: Failure(.timeIsOver, "the time of --timeout is over")
            default: Failure(.failure, "\(error)")
            }
        session.complain(failure)
        return failure.exit
    }
}

/// Ends the command with a code, after it has said everything there is to say.
struct CommandEnd: Error {
    let exit: CommandExit
}
