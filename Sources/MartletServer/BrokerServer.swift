public import Logging
public import Martlet
import NIOCore
import NIOPosix
import NIOSSL
public import ServiceLifecycle

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
/// Unless it has a ``BrokerStore``, everything is kept in memory, and sessions end with ``run()``. With one, sessions and retained
/// messages outlive the process, however it ends: what was acknowledged to a client is there when the server runs again. A broker
/// has one server at a time, with any number of listeners.
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
    private let bound = Promise<[BoundAddress]>()

    /// - Parameters:
    ///   - broker: what clients connect to.
    ///   - listeners: where; on this machine's port 1883 unless told.
    ///   - authenticator: who may connect: everybody from this machine, without credentials, unless told.
    ///   - rules: who may publish and read what; `nil`: everybody everything.
    ///   - store: where sessions and retained messages are kept; nowhere unless told.
    ///   - limits: how much clients may ask for.
    ///   - systemTopics: after how much time the topics below `$SYS/broker/` are published anew; `nil`: there are none.
    ///   - logger: told of what clients do wrong.
    public convenience init(
        _ broker: MemoryBroker,
        listeners: [Listener] = [.mqtt()],
        authenticator: some Authenticator = .anonymous,
        rules: AccessRules? = nil,
        store: BrokerStore = .none,
        limits: ServerLimits = ServerLimits(),
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
        systemTopics: Duration? = .seconds(10),
        logger: Logger = Logger(label: "martlet.server")
    ) {
        self.store = store
        self.storeSettings = storeSettings
        self.listeners = listeners
        self.systemTopics = systemTopics
        self.logger = logger
        hub = SessionHub(broker, limits, logger)
        door = Door(authenticator, rules, limits)
    }

    /// Where it listens, as soon as it does.
    ///
    /// - Throws: what ``run()`` throws if it can't listen; `CancellationError`.
    public var addresses: [BoundAddress] {
        get async throws { try await bound.value() }
    }

    /// The server's counts.
    public var statistics: ServerStatistics {
        var statistics = hub.statistics
        statistics.connections = door.count
        return statistics
    }

    /// Has all be as the store has it, listens, and serves clients until it is shut down gracefully or cancelled: clients of MQTT 5
    /// are told so (0x8B), wills without a delay are published, and sessions end, but for those that the store keeps.
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
            bound.end(.failure(error))
            throw error
        }
        defer { hub.broker.detachHost() }
        do {
            try await hub.open(store, storeSettings) { door.permissions(clientID: $0, user: $1) }
        } catch {
            bound.end(.failure(error))
            throw error
        }
        do {
            channels = try await listen()
        } catch {
            bound.end(.failure(error))
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
            for listener in listeners where listener.port == nil { unlink(listener.host) }
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
            connection.channel.close(promise: nil)
        }
        for connection in connections { try? await connection.channel.closeFuture.get() }
    }

    // MARK: Listening

    /// Checks that it can listen as far as its files tell: that certificates and keys can be read and belong together.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument`.
    public func check() throws {
        for listener in listeners { _ = try listener.tls.map { try NIOSSLContext($0) } }
    }

    private func listen() async throws -> [any Channel] {
        var channels: [any Channel] = []
        do {
            for listener in listeners { channels.append(try await open(listener)) }
        } catch {
            for channel in channels { try? await channel.close() }
            throw error
        }
        bound.end(
            .success(
                zip(listeners, channels).map { listener, channel in
                    BoundAddress(listener: listener.name, host: listener.host, port: channel.localAddress?.port ?? 0)
                }
            )
        )
        return channels
    }

    private func open(_ listener: Listener) async throws -> any Channel {
        let tls = try listener.tls.map { try NIOSSLContext($0) }
        let (hub, door) = (hub, door)
        var bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 1_024)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let connection = ClientConnection(channel, listener: listener.name)
                    guard door.enters(connection) else { throw ChannelError.inputClosed }
                    channel.closeFuture.whenComplete { _ in door.left(connection) }
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    switch listener.form {
                    case .plain:
                        try channel.pipeline.syncOperations.addHandler(PacketHandler(hub, door, connection))
                    case .webSocket(let origins):
                        let webSocket = WebSocketDoor(origins: origins, limits: hub.limits) { channel in
                            try channel.pipeline.syncOperations.addHandler(PacketHandler(hub, door, connection))
                        }
                        try webSocket.configure(channel)
                    }
                }
            }
        do {
            guard let port = listener.port else {
                return try await bootstrap.bind(
                    unixDomainSocketPath: listener.host,
                    cleanupExistingSocketFile: true
                ).get()
            }
            bootstrap =
                bootstrap
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            return try await bootstrap.bind(host: listener.host, port: port).get()
        } catch {
            let place = listener.port.map { "\(listener.host), port \($0)" } ?? listener.host
            throw MessagingError(.notConnected, "can't listen on \(place)", cause: error)
        }
    }
}

extension NIOSSLContext {
    fileprivate convenience init(_ tls: Listener.TLS) throws {
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(tls.certificateChain).map {
                NIOSSLCertificateSource.certificate($0)
            }
            let key = try NIOSSLPrivateKey(file: tls.privateKey, format: .pem)
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain,
                privateKey: .privateKey(key)
            )
            if let authorities = tls.clientAuthorities {
                configuration.trustRoots = .file(authorities)
                configuration.certificateVerification = .noHostnameVerification
            }
            try self.init(configuration: configuration)
        } catch {
            throw MessagingError(.invalidArgument, "the certificate of a listener can't be used", cause: error)
        }
    }
}
