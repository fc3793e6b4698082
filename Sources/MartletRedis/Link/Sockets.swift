import Martlet
import MartletTransport

/// The sockets of the present link, by what they are for. On the session's loop.
final class Sockets {
    private var links: [RedisSession.Role: RedisLink] = [:]
    /// For each host, since a context checks the certificate of one; those of the present link.
    private var tls: [String: TLSContext] = [:]
    private let scratch = ScratchBuffer()
    /// What the server called consumers' sockets that it may not know to be closed.
    private var lostClients: [Int: Int] = [:]
    /// Whether the connection has met a replica where it had to write.
    private var hasMissedMaster = false
    /// What the server has told about itself, the present or the latest one.
    private(set) var server = Greeting.Server()

    /// Another one for each link.
    private(set) var generation = 0

    subscript(role: RedisSession.Role) -> RedisLink? { links[role] }

    /// The endpoint that the link began with.
    var first: Endpoint? { links[.command]?.endpoint }

    /// The node of a cluster to which a socket leads; `nil` where the link began.
    func node(of role: RedisSession.Role) -> Destination? {
        guard let destination = links[role]?.destination, destination != links[.command]?.destination else {
            return nil
        }
        return destination
    }

    /// Opens a socket, by which commands can be sent at once: they wait until it is ready.
    ///
    /// - Parameter destination: `nil`: where the link began.
    @discardableResult
    func open(
        _ role: RedisSession.Role,
        to destination: Destination? = nil,
        _ session: isolated RedisSession
    ) throws -> RedisLink {
        guard let destination = destination ?? links[.command]?.destination else { throw MessagingError.offline }
        if role == .command { tls.removeAll() }
        let pending = PendingCommands()
        let link = try RedisLink(
            to: destination,
            session.options,
            name: session.name(of: role),
            needsMaster: hasMissedMaster || session.needsMaster,
            tls: context(for: destination.host, session.options),
            pending: pending,
            hearsPushes: role.hearsPushes,
            on: session.loop,
            scratch: scratch
        ) { [weak session] in
            session?.assumeIsolated { $0.ready(role) }
        } onInput: { [weak session] in
            try session?.assumeIsolated { try $0.takeReplies(by: role) }
        } onRound: { [weak session] in
            session?.assumeIsolated { $0.finishedRound(role) }
        } onEnd: { [weak session] error in
            session?.assumeIsolated { $0.ended(role, error) }
        }
        links[role] = link
        if case .name(let host, let port) = destination {
            let limit = WaitLimit(session.options.connectTimeout, of: session.runtime.timers)
            link.lookUp = Task { [weak session] in
                let found: Result<[SocketAddress], any Error>
                do {
                    found = .success(try await Resolver.addresses(of: host, port: port, limit: limit))
                } catch {
                    found = .failure(error)
                }
                await session?.found(found, of: destination, for: role)
            }
        }
        if role.takesCommands { session.commands.opened(role, pending) }
        return link
    }

    /// What a socket is secured by, with the certificates as they are at the time of the link.
    private func context(for host: String, _ options: RedisOptions) throws -> TLSContext? {
        guard let options = options.tls else { return nil }
        if let context = tls[host] { return context }
        let context = try TLSContext(options, host: host)
        tls[host] = context
        return context
    }

    /// The server has let the link in.
    func commandIsReady() {
        if let link = links[.command] { server = link.server }
    }

    /// From now on replicas are of no use.
    func missMaster() { hasMissedMaster = true }

    // MARK: Closing

    /// - Returns: what the server called it, if it was open and the server told.
    @discardableResult
    func close(_ role: RedisSession.Role) -> RemoteClient? {
        let client = client(of: role)
        links.removeValue(forKey: role)?.close()
        return client
    }

    /// What the server calls a socket, if it is open and the server told.
    func client(of role: RedisSession.Role) -> RemoteClient? {
        guard let id = links[role]?.clientID else { return nil }
        return RemoteClient(id: id, by: node(of: role).map { .node($0) } ?? .command)
    }

    /// Closes a socket, of which the server may not know.
    func abandon(_ role: RedisSession.Role) {
        if let link = links.removeValue(forKey: role) { lose(role, link) }
    }

    /// Closes all sockets to a node, whose server may not know it.
    ///
    /// - Returns: what they were for.
    func closeAll(at node: Destination) -> [RedisSession.Role] {
        let lost = links.filter { $0.value.destination == node }
        for (role, link) in lost {
            links[role] = nil
            lose(role, link)
        }
        return Array(lost.keys)
    }

    func closeAll() {
        generation += 1
        for (role, link) in links { lose(role, link) }
        links.removeAll()
    }

    private func lose(_ role: RedisSession.Role, _ link: RedisLink) {
        if case .consumer(let number) = role, let id = link.clientID { lostClients[number] = id }
        link.close()
    }

    /// What the server called the socket that a consumer has lost.
    func lostClient(of consumer: Int) -> Int? { lostClients[consumer] }

    /// The server knows that a consumer's socket is lost.
    func forgetLostClient(of consumer: Int) { lostClients[consumer] = nil }

    /// Nobody has listened for a while, so that the silence is none of the server's.
    func excuse() {
        for link in links.values { link.excuse() }
    }

    /// The sockets that are open now, but for those by which commands go.
    var others: [(role: RedisSession.Role, link: RedisLink)] {
        links.filter { !$0.key.takesCommands }.map { ($0.key, $0.value) }
    }
}

/// A socket as its server knows it. The number means something to that server alone.
struct RemoteClient: Sendable {
    let id: Int
    /// By what commands go to that server.
    let role: RedisSession.Role

    init(id: Int, by role: RedisSession.Role) {
        self.id = id
        self.role = role
    }

    /// Has the server end it.
    var kill: [[UInt8]] { command("KILL", "ID") }

    /// Has the server end what it waits for.
    var unblock: [[UInt8]] { command("UNBLOCK") }

    private func command(_ words: String...) -> [[UInt8]] {
        (["CLIENT"] + words + ["\(id)"]).map { Array($0.utf8) }
    }
}
