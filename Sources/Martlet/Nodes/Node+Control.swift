import DequeModule
import Synchronization

extension Node {
    /// Stops the components, as `<node>.stop` does: no new work is taken, work in hand is finished within
    /// ``NodeOptions/drainLimit``, and work that takes longer is cancelled. The node itself stays, with its heartbeat,
    /// and can be started again.
    ///
    /// Returns when they have stopped, or shutdown of the caller begins. Cancelling the caller does not undo it. A
    /// component that calls it waits for itself, until the drain limit is over.
    ///
    /// - Throws: ``MessagingError/Code/notRunning`` if the node does not run; `CancellationError`.
    public func stop() async throws {
        try runner.beginStopping()
        try await runner.waitUntilStopped()
    }

    /// Starts the components again after ``stop()``, as `<node>.start` does.
    ///
    /// Returns when they can be found, or shutdown of the caller begins.
    ///
    /// - Throws: ``MessagingError/Code/notRunning`` unless the node is stopped; `CancellationError`.
    public func start() async throws {
        try runner.beginStarting()
        try await runner.waitUntilStarted()
    }

    // MARK: By others

    /// The responders by which others start and stop the node, and ask for its health and its description, as far as the options
    /// allow it. The requests' bodies are ignored.
    ///
    /// They go on while the node is stopped.
    var controlParts: [Part] {
        let codecs = connection.runtime.codecs
        var responders: [Respond] = []
        if options.remoteControl {
            responders += [
                Respond(to: nodeName.start) { request in
                    try await codecs.message(self.obey(.start, request))
                },
                Respond(to: nodeName.stop) { request in
                    try await codecs.message(self.obey(.stop, request))
                },
                Respond(to: nodeName.health) { _ in try codecs.message(self.health) },
            ]
        }
        if options.describes?.isRetained == false {
            responders.append(
                Respond(to: QueueName(nodeName.describe.name)) { _ in try codecs.message(self.describe()) }
            )
        }
        return responders.map { Part($0, on: connection, base: base) }
    }

    private func obey(_ command: ControlMemory.Command, _ request: Message) async throws -> ControlReply {
        let reply = control.withLock { memory in
            memory.reply(to: ControlMemory.Request(command, request.headers)) {
                do {
                    switch command {
                    case .start: try runner.beginStarting()
                    case .stop: try runner.beginStopping()
                    }
                    return ControlReply()
                } catch {
                    return ControlReply(status: 1, error: (error as? MessagingError)?.message ?? "\(error)")
                }
            }
        }
        guard reply.status == 0 else { return reply }
        switch command {
        case .start: try await runner.waitUntilStarted()
        case .stop: try await runner.waitUntilStopped()
        }
        return reply
    }
}

/// The answer to a node's start and stop procedures, as commlib-py's.
struct ControlReply: Codable, Sendable, Hashable {
    /// 0: done; 1: not possible.
    var status = 0
    /// Why it was not possible.
    var error = ""
}

/// The requests to start and stop a node that have been answered, the latest 256 of them. A pure value.
///
/// A broker may deliver a request twice, the second time much later. A node that was stopped and started again is not
/// to be stopped by the same request once more: it gets the answer that it had.
struct ControlMemory {
    enum Command: Hashable {
        case start
        case stop
    }

    /// Tells whether two deliveries are of one request.
    struct Request: Hashable {
        private let command: Command
        private let id: ByteKey
        /// For peers whose IDs are not unique.
        private let replyTo: ByteKey

        /// - Returns: `nil` for a request that has no ID: a second delivery of it can't be told from another request.
        init?(_ command: Command, _ headers: Headers) {
            guard let id = headers.correlationID, !id.isEmpty else { return nil }
            self.command = command
            self.id = ByteKey(id)
            replyTo = ByteKey(headers.replyTo ?? "")
        }
    }

    private static let limit = 256
    private var replies: [Request: ControlReply] = [:]
    private var order: Deque<Request> = []

    /// The reply to a request: the one that it had before, or what a function makes of it.
    mutating func reply(to request: Request?, _ make: () -> ControlReply) -> ControlReply {
        guard let request else { return make() }
        if let reply = replies[request] { return reply }
        let reply = make()
        replies[request] = reply
        order.append(request)
        if order.count > Self.limit { replies[order.removeFirst()] = nil }
        return reply
    }
}
