import Foundation
import IntegrationSupport

/// Runs one contender once, with what it needs around it.
struct Bench: Sendable {
    /// The folder of the programs: that of this one.
    private let folder: String
    /// How long a program may take. What hangs is an error, not a long wait.
    private let limit: Duration

    init(
        folder: String = Bundle.main.executableURL?.deletingLastPathComponent().path ?? ".",
        limit: Duration = .seconds(60)
    ) {
        self.folder = folder
        self.limit = limit
    }

    /// - Throws: ``ServerError`` with the output of the program that failed or took too long.
    func figures(of contender: Contender, count: Int, port: Int) async throws -> Figures {
        switch contender.server {
        case nil: return try await run(contender, count, port)
        case .mosquitto:
            return try await MosquittoServer.withServer(RunningBroker.mosquitto()) { server in
                try await run(contender, count, server.port, by: server.process.processID)
            }
        case .martlet:
            let port = try ReservedPort()
            let server = try start(.extra("memory", "serve"), 1, port.number)
            defer { withExtendedLifetime(server) {} }
            try await server.waitForOutput("READY", limit: limit)
            return try await run(contender, count, port.number, by: server.processID)
        }
    }

    /// Where the broker is measured, not the clients.
    private func run(_ contender: Contender, _ count: Int, _ port: Int, by broker: Int32?) async throws -> Figures {
        let before = ProcessorTime.ofProcess(broker)
        var figures = try await run(contender, count, port)
        figures.cpuSeconds = ProcessorTime.ofProcess(broker).flatMap { after in before.map { after - $0 } }
        return figures
    }

    /// How many system calls the program makes for each of the count; `nil` where that says nothing.
    func systemCalls(
        of contender: Contender,
        count: Int,
        port: Int,
        counter: SystemCallCounter
    ) async throws -> Double? {
        // There, the program that is measured is not the one that works.
        switch contender.staging {
        case .bridged, .relayed: return nil
        case .alone, .fed, .answered: break
        }
        guard contender.server == nil else { return nil }
        let folder = try TemporaryFolder("calls")
        defer { folder.remove() }
        let file = folder.path("calls")
        _ = try await run(contender, count, port) { counter.command($0, $1, to: file) }
        let text = try String(contentsOfFile: file, encoding: .utf8)
        return counter.calls(in: text).map { Double($0) / Double(count) }
    }

    /// - Parameter wrapped: the command that runs the program that is measured.
    private func run(
        _ contender: Contender,
        _ count: Int,
        _ port: Int,
        wrapped: (String, [String]) -> (String, [String]) = { ($0, $1) }
    ) async throws -> Figures {
        let measured = contender.measured
        switch contender.staging {
        case .alone:
            return try await figures(start(measured, count, port, wrapped))
        case .fed(let source):
            let program = try start(measured, count, port, wrapped)
            try await program.waitForOutput("READY", limit: limit)
            try await end(start(source, count, port))
            return try await figures(program)
        case .answered(let responder):
            let answering = try start(responder, 1, port)
            defer { withExtendedLifetime(answering) {} }
            try await answering.waitForOutput("READY", limit: limit)
            return try await figures(start(measured, count, port, wrapped))
        case .bridged(let bridge, let source):
            return try await bridged(measured, count, by: bridge, source)
        case .relayed(let relay, let source):
            return try await relayed(measured, count, by: relay, source)
        }
    }

    /// Two brokers of its own, so that nothing of a run is left in them.
    private func bridged(
        _ measured: Invocation,
        _ count: Int,
        by bridge: Invocation?,
        _ source: Invocation
    ) async throws -> Figures {
        try await MosquittoServer.withServer(RunningBroker.mosquitto()) { near in
            let options = RunningBroker.mosquitto(bridgedFrom: bridge == nil ? near.port : nil)
            return try await MosquittoServer.withServer(options) { far in
                let bridging = try bridge.map { bridge in
                    try start(bridge.with(environment: ["SINK_PORT": "\(far.port)"]), 1, near.port)
                }
                defer { withExtendedLifetime(bridging) {} }
                try await bridging?.waitForOutput("READY", limit: limit)
                try await waitForBridge(from: near.port, to: far.port, measured, source)
                let program = try start(measured, count, far.port)
                try await program.waitForOutput("READY", limit: limit)
                try await end(start(source, count, near.port))
                var figures = try await figures(program)
                // Those of the program that reads say nothing about the bridge.
                figures.cpuSeconds = nil
                return figures
            }
        }
    }

    /// A broker of its own, so that nothing of a run is left in it. The processor time is the relay's.
    private func relayed(
        _ measured: Invocation,
        _ count: Int,
        by relay: Invocation,
        _ source: Invocation
    ) async throws -> Figures {
        try await MosquittoServer.withServer(RunningBroker.mosquitto()) { broker in
            let sink = try ReservedPort()
            let program = try start(measured, count, sink.number)
            try await program.waitForOutput("READY", limit: limit)
            let relaying = try start(relay.with(environment: ["SINK_PORT": "\(sink.number)"]), 1, broker.port)
            defer { withExtendedLifetime(relaying) {} }
            try await relaying.waitForOutput("READY", limit: limit)
            let before = ProcessorTime.ofProcess(relaying.processID)
            try await end(start(source, count, broker.port))
            var figures = try await figures(program)
            figures.cpuSeconds = ProcessorTime.ofProcess(relaying.processID).flatMap { after in
                before.map { after - $0 }
            }
            return figures
        }
    }

    /// Sends one message after the other until one comes through.
    private func waitForBridge(from near: Int, to far: Int, _ measured: Invocation, _ source: Invocation) async throws {
        let reader = try start(measured, 1, far)
        try await reader.waitForOutput("READY", limit: limit)
        let deadline = ContinuousClock.now + limit
        while ContinuousClock.now < deadline {
            try await end(start(source, 1, near))
            if (try? await reader.waitForEnd(limit: .milliseconds(100))) != nil { return }
            try Task.checkCancellation()
        }
        throw ServerError("The bridge let nothing through within \(limit)")
    }

    private func start(
        _ invocation: Invocation,
        _ count: Int,
        _ port: Int,
        _ wrapped: (String, [String]) -> (String, [String]) = { ($0, $1) }
    ) throws -> ProgramRun {
        let command = wrapped(invocation.path(in: folder), invocation.arguments(count: count))
        let environment = invocation.environment.merging(["BROKER_PORT": "\(port)"]) { $1 }
        return try ProgramRun(command.0, command.1, environment: environment)
    }

    private func figures(_ program: ProgramRun) async throws -> Figures {
        try await end(program)
        guard let figures = Figures(output: program.output) else {
            throw ServerError("A program ended without figures:\n\(program.output)\n\(program.errors)")
        }
        return figures
    }

    private func end(_ program: ProgramRun) async throws {
        let end = try await program.waitForEnd(limit: limit)
        guard end == .exited(0) else {
            throw ServerError("A program \(end):\n\(program.output)\n\(program.errors)")
        }
    }
}
