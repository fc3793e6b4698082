public import Logging
public import Martlet
import MartletListeners
import NIOCore
import NIOPosix
public import ServiceLifecycle
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// An embedded broker's doors to the network: MQTT 3.1, 3.1.1 and 5.
///
/// ```swift
/// let broker = MemoryBroker()
/// let server = BrokerServer(broker, listeners: [.mqtt(port: 1883)])
/// try await server.run()
/// ```
///
/// Clients and connections of this process (`MemoryBroker.connect(options:)`) share topics, retained messages and the broker's
/// `BrokerHandler`. A subscriber in this process whose mailbox is full holds up the client that publishes, by not reading
/// from its socket; a client that is slow holds up nobody: what waits for it is bounded by ``ServerLimits``.
///
/// Unless it has a ``BrokerStore``, everything is kept in memory, and sessions end with ``run()``. With one, sessions, what is in
/// queues, and retained messages outlive the process, however it ends: what was acknowledged to a client is there when the server
/// runs again. A broker has one server at a time, with any number of listeners.
public final class BrokerServer: Service {
    /// Where it listens.
    public struct BoundAddress: Sendable, Hashable {
        /// The listener's name.
        public let listener: String
        /// The address, or the path of a Unix socket.
        public let host: String
        /// The port, also where the listener asked for any; 0: it is a Unix socket.
        public let port: Int
    }

    private let listeners: [Listener]
    private let hub: SessionHub
    private let door: Door
    private let logger: Logger
    private let systemTopics: Duration?
    private let store: BrokerStore
    private let storeSettings: StoreSettings
    private let bound = Watched<Result<[BoundAddress], any Error>?>(nil)
    private let contexts = Mutex<[ServerContext]>([])

    /// - Parameters:
    ///   - broker: what clients connect to.
    ///   - listeners: where; on this machine's port 1883 unless told.
    ///   - authenticator: who may connect: everybody from this machine, without credentials, unless told.
    ///   - rules: who may publish and read what; `nil`: everybody everything.
    ///   - store: where sessions and retained messages are kept; nowhere unless told.
    ///   - limits: how much clients may ask for.
    ///   - queueGroup: the group whose members consume queues: a client that subscribes to `$share/<group>/<name>` consumes the
    ///     queue of that name. `nil`: none does, and that group is like any other.
    ///   - systemTopics: after how much time the topics below `$SYS/broker/` are published anew; `nil`: there are none.
    ///   - logger: told of what clients do wrong.
    public convenience init(
        _ broker: MemoryBroker,
        listeners: [Listener] = [.mqtt()],
        authenticator: some Authenticator = .anonymous,
        rules: AccessRules? = nil,
        store: BrokerStore = .none,
        limits: ServerLimits = ServerLimits(),
        queueGroup: String? = "martlet",
        systemTopics: Duration? = .seconds(10),
        logger: Logger = Logger(label: "martlet.server")
    ) {
        self.init(
            broker,
            listeners: listeners,
            authenticator: authenticator,
            rules: rules,
            store: store,
            StoreSettings(),
            limits: limits,
            queueGroup: queueGroup,
            systemTopics: systemTopics,
            logger: logger
        )
    }

    package init(
        _ broker: MemoryBroker,
        listeners: [Listener],
        authenticator: some Authenticator = .anonymous,
        rules: AccessRules? = nil,
        store: BrokerStore,
        _ storeSettings: StoreSettings,
        limits: ServerLimits = ServerLimits(),
        queueGroup: String? = "martlet",
        systemTopics: Duration? = .seconds(10),
        logger: Logger = Logger(label: "martlet.server")
    ) {
        self.store = store
        self.storeSettings = storeSettings
        self.listeners = listeners
        self.systemTopics = systemTopics
        self.logger = logger
        hub = SessionHub(broker, limits, queueGroup: queueGroup, logger)
        door = Door(authenticator, rules, limits)
    }

    /// Where it listens, as soon as it does.
    ///
    /// - Throws: what ``run()`` throws if it can't listen; `CancellationError`, also when this task is to shut down gracefully.
    public var addresses: [BoundAddress] {
        get async throws {
            try await bound.wait { $0 != nil }
            guard let result = bound.value else { throw CancellationError() }
            return try result.get()
        }
    }

    /// The server's counts.
    public var statistics: ServerStatistics {
        var statistics = hub.statistics
        statistics.connections = door.count
        return statistics
    }

    /// Has all be as the store has it, listens, and serves clients until it is shut down gracefully or cancelled: clients of MQTT 5
    /// are told so (0x8B), wills without a delay are published, and sessions end, but for those that the store keeps. That waits for
    /// no client: one gets what was on its way to it if it takes that within two seconds, and what waits for it otherwise ends with
    /// its session, or is the store's.
    ///
    /// - Throws: `MessagingError.Code.alreadyRunning` if the broker has another server;
    ///   `MessagingError.Code.invalidArgument` if a certificate can't be used, or the store's folder can't, if another process uses
    ///   it, or if a file in it is damaged, with the file and the byte; `MessagingError.Code.notConnected` if an address can't be
    ///   listened on; `CancellationError`.
    public func run() async throws {
        let channels: [any Channel]
        do {
            try hub.broker.attach(hub)
        } catch {
            bound.update { $0 = $0 ?? .failure(error) }
            throw error
        }
        defer { hub.broker.detachHost() }
        do {
            try await hub.open(store, storeSettings) { door.permissions(clientID: $0, user: $1) }
        } catch {
            bound.update { $0 = $0 ?? .failure(error) }
            throw error
        }
        do {
            channels = try await listen()
        } catch {
            bound.update { $0 = $0 ?? .failure(error) }
            _ = await hub.closeStore()
            throw error
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.door.work() }
            group.addTask { await self.hub.resumePaused() }
            if let interval = self.systemTopics {
                group.addTask {
                    var topics = SystemTopics(self.hub)
                    try? await topics.publish(every: interval) { self.statistics }
                }
            }
            try? await gracefulShutdown()
            for channel in channels { try? await channel.close() }
            for listener in listeners where listener.port == nil && listener.descriptor == nil { unlink(listener.host) }
            await self.closeConnections()
            group.cancelAll()
        }
        try Task.checkCancellation()
    }

    /// Ends all connections and waits until they have gone, cancelled or not: that takes two seconds at most.
    private func closeConnections() async {
        let connections = door.close()
        hub.close()
        let isStored = await hub.closeStore()
        // What waits for a store that fails never leaves.
        for connection in connections where !isStored || !connection.isClosing {
            let channel = connection.channel
            channel.eventLoop.execute { SocketWatch.closeSocket(of: channel) }
        }
        for connection in connections { try? await connection.channel.closeFuture.get() }
    }

    // MARK: Listening

    /// Checks that it can run as far as its files and options tell: that certificates and keys can be read and belong together, that
    /// proxies have addresses, and that its store can be read. Nothing is changed, nor listened on.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument`.
    public func check() throws { _ = try checked() }

    /// The same.
    ///
    /// - Returns: what is in the store; `nil`: it has none.
    package func checked() throws -> StoreSummary? {
        for listener in listeners {
            _ = try listener.tls.map { try ServerContext($0) }
            _ = try listener.proxies?.map { try AddressRange($0) }
        }
        guard case .log(let folder, _) = store.form else { return nil }
        return try StoreSummary(folder: folder)
    }

    /// Has other rules hold from now on: also for clients that are there, and for what waits for them. `nil`: everybody may do
    /// everything.
    public func setRules(_ rules: AccessRules?) {
        door.setRules(rules)
        hub.setPermissions { door.permissions(clientID: $0, user: $1) }
    }

    /// Reads the certificates and keys of all listeners anew, for clients that connect from now on. Those that are there stay.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` if some can't be used. Those go on as before; the others are exchanged.
    public func reloadCertificates() throws {
        let contexts = contexts.withLock { $0 }
        let errors = contexts.map { context in Result { try context.reload() } }
        for error in errors { try error.get() }
    }

    private func listen() async throws -> [any Channel] {
        var channels: [any Channel] = []
        do {
            for listener in listeners { channels.append(try await open(listener)) }
        } catch {
            for channel in channels { try? await channel.close() }
            throw error
        }
        let addresses = zip(listeners, channels).map { listener, channel in
            let address = channel.localAddress
            let host = listener.descriptor == nil ? listener.host : address?.ipAddress ?? address?.pathname ?? ""
            return BoundAddress(listener: listener.name, host: host, port: address?.port ?? 0)
        }
        bound.update { $0 = $0 ?? .success(addresses) }
        return channels
    }

    private func open(_ listener: Listener) async throws -> any Channel {
        let tls = try listener.tls.map { try ServerContext($0) }
        if let tls { contexts.withLock { $0.append(tls) } }
        let proxies = try listener.proxies?.map { try AddressRange($0) }
        let (hub, door, logger) = (hub, door, logger)
        /// Adds what reads a client's bytes.
        let serve: @Sendable (any Channel, SocketAddress?) throws -> Void = { channel, source in
            let connection = ClientConnection(channel, from: source, listener: listener.name)
            guard door.enters(connection) else { throw ChannelError.inputClosed }
            channel.closeFuture.whenComplete { _ in door.left(connection) }
            try listener.addHandlers(to: channel, connection, tls, hub, door)
        }
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        AcceptPause { text, reason, count in
                            logger.error(
                                "\(text)",
                                metadata: [
                                    "listener": "\(listener.name)", "error": "\(reason)", "since-last": "\(count)",
                                ]
                            )
                        }
                    )
                }
            }
            // Each channel keeps a buffer of the size that it read last, an idle one for ever.
            .childChannelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 64, initial: 256, maximum: 64 << 10)
            )
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let proxies else { return try serve(channel, channel.remoteAddress) }
                    guard let proxy = channel.remoteAddress, proxies.contains(where: { $0.contains(proxy) }) else {
                        throw ChannelError.inputClosed
                    }
                    let handler = ProxyDoor(within: TimeAmount(hub.limits.connectTimeout)) { source in
                        try serve(channel, source ?? proxy)
                    }
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
        do {
            return try await bind(bootstrap, to: listener)
        } catch {
            throw MessagingError(listeningOn: listener.place, failed: error)
        }
    }

    private func bind(_ bootstrap: ServerBootstrap, to listener: Listener) async throws -> any Channel {
        if let descriptor = listener.descriptor {
            return try await bootstrap.withBoundSocket(descriptor).get()
        }
        guard let port = listener.port else {
            return try await bootstrap.bind(unixDomainSocketPath: listener.host, cleanupExistingSocketFile: true).get()
        }
        return
            try await bootstrap
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .bind(host: listener.host, port: port).get()
    }
}

extension Listener {
    /// Where it listens, for people.
    fileprivate var place: String {
        if let descriptor { return "the socket \(descriptor)" }
        return port.map { "\(host), port \($0)" } ?? host
    }
}
