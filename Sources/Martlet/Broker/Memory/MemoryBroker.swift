import Synchronization

/// An embedded broker: no installation, no network, in the process that uses it.
///
/// ```swift
/// let broker = MemoryBroker()
/// let connection = try await broker.connect(name: "sensors")
/// ```
///
/// It does what the installed ones do: topics with retained messages and wildcards; queues with competing consumers,
/// prefetch, acknowledgement, redelivery, expiry, limits and dead letters; wills; presence. A ``BrokerHandler`` makes
/// it yours. In ``Mode/stepped`` mode it delivers nothing until told, so that a test decides every interleaving.
public final class MemoryBroker: Sendable {
    /// When messages are delivered.
    public enum Mode: Sendable, Hashable {
        /// At once.
        case immediate
        /// When ``MemoryBroker/step(_:)`` says so.
        case stepped
    }

    /// All that the broker's lock guards: the core, and what the core must not hold.
    package struct State: Sendable {
        var core: BrokerCore
        /// The broker's rules; `nil` for the standard ones, which need not be asked.
        var handler: (any BrokerHandler)?
        /// What the handler wants sent.
        var actions = BrokerActions()
        var mailboxes = MailboxTable()
        /// The tasks that wait until the queue they send to has room, by the numbers of their messages.
        var senders = WaitingRoom<QueueName>()
        var links: [Int: Weak] = [:]
        /// Where sessions are whose clients come over a network.
        var host: (any SessionHost)?
        /// In stepped mode, what waits to be delivered.
        var held: [BrokerDelivery] = []
        /// When expired messages are taken out next.
        var sweepsAt: Duration?
        /// The core's effects while they are performed; empty otherwise.
        var performing: [BrokerEffect] = []
        var aftermath = BrokerAftermath()

        /// What is to be done when the lock is free again; `nil` if there is nothing.
        mutating func takeAftermath() -> BrokerAftermath? {
            guard !aftermath.isEmpty else { return nil }
            defer { aftermath = BrokerAftermath() }
            return aftermath
        }
    }

    struct Weak {
        weak var link: MemoryLink?
    }

    /// How the broker behaves.
    public let options: Options
    /// Whether there is a handler to be asked.
    let isProgrammed: Bool
    /// What it is asked besides.
    let asks: BrokerQuestions
    let timers: Timers
    let state: Mutex<State>

    /// - Parameters:
    ///   - options: the broker's limits and how it delivers.
    ///   - handler: the broker's rules.
    public convenience init(options: Options = Options(), handler: some BrokerHandler = StandardHandler()) {
        self.init(options: options, handler: handler, timers: Timers(Timeline(options.clock)))
    }

    /// - Parameter timers: by them it knows the time.
    package init(options: Options, handler: some BrokerHandler, timers: Timers) {
        self.options = options
        self.timers = timers
        isProgrammed = !(handler is StandardHandler)
        asks = type(of: handler).asks
        state = Mutex(State(core: BrokerCore(options), handler: isProgrammed ? handler : nil))
    }

    // MARK: Connections

    /// Connects to the broker.
    ///
    /// - Throws: ``MessagingError/Code/refused`` if the broker's handler refuses.
    public func connect(options: ConnectionOptions = ConnectionOptions()) async throws -> MemoryConnection {
        let runtime = ConnectionRuntime(options, state: .connected)
        let identity = try locked { state in
            let identity = BrokerClient(id: state.core.makeID(), name: runtime.name)
            if case .refuse(let reason) = state.handler?.connects(identity, actions: &state.actions) {
                perform(&state)
                throw state.refusal(reason)
            }
            state.core.connect(identity, will: options.will)
            perform(&state)
            return identity
        }
        let link = MemoryLink(broker: self, client: identity, runtime: runtime)
        locked { $0.links[identity.id] = Weak(link: link) }
        return MemoryConnection(link)
    }

    /// Connects under a name; see ``connect(options:)``.
    public func connect(name: String) async throws -> MemoryConnection {
        try await connect(options: ConnectionOptions(name: name))
    }

    /// Connects, runs `body`, and closes the connection, whether `body` returns or throws.
    public func withConnection<Result>(
        options: ConnectionOptions = ConnectionOptions(),
        _ body: (MemoryConnection) async throws -> Result
    ) async throws -> Result {
        let connection = try await connect(options: options)
        do {
            let result = try await body(connection)
            await connection.close()
            return result
        } catch {
            await connection.close()
            throw error
        }
    }

    // MARK: The broker's side

    /// Configures a queue, whether or not it is in use.
    ///
    /// - Throws: ``MessagingError/Code/invalidQueue``, ``MessagingError/Code/invalidArgument`` for a limit or time that
    ///   has no meaning or dead letters that would go in a circle, ``MessagingError/Code/refused`` for one queue too many.
    public func declareQueue(_ queue: QueueName, options: QueueOptions) throws {
        try locked { try $0.core.declare(queue, options) }
    }

    /// The connected clients and the queues.
    public var presence: BrokerPresence { state.withLock { $0.core.presence } }

    /// The broker's counts since it was made.
    public var statistics: BrokerStatistics { state.withLock { $0.core.statistics } }

    /// Acts on the broker under its lock, then does what can only be done when the lock is free again.
    func locked<Result: Sendable, Failure: Error>(
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var aftermath: BrokerAftermath?
        defer { aftermath?.run() }
        return try state.withLock { state throws(Failure) in
            defer { aftermath = state.takeAftermath() }
            return try body(&state)
        }
    }

    // MARK: Stepping

    /// What waits to be delivered in stepped mode, in the order in which it was sent.
    public var pending: [BrokerStep] { state.withLock { $0.held.map(BrokerStep.init) } }

    /// Delivers one waiting message; by default the one that was sent first.
    ///
    /// - Parameter index: its place in ``pending``.
    /// - Returns: what was delivered; `nil` if there is no such message.
    @discardableResult
    public func step(_ index: Int = 0) -> BrokerStep? {
        step(choosing: { _ in index })
    }

    /// Delivers the waiting message that a function chooses of ``pending``, which does not change meanwhile.
    @discardableResult
    package func step(choosing index: ([BrokerStep]) -> Int?) -> BrokerStep? {
        locked { state in
            guard let index = index(state.held.map(BrokerStep.init)), state.held.indices.contains(index) else {
                return nil
            }
            let delivery = state.held.remove(at: index)
            deliver(delivery, &state)
            return BrokerStep(delivery)
        }
    }

    /// Delivers everything that waits, and what is sent because of it by the time it looks.
    public func stepAll() {
        while step() != nil {}
    }
}
