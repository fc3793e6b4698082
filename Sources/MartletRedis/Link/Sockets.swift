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

    /// Opens a socket, by which commands can be sent at once: they wait until it is ready.
    ///
    /// - Parameter endpoint: `nil`: where the link began.
    @discardableResult
    func open(
        _ role: RedisSession.Role,
        to endpoint: Endpoint? = nil,
        _ session: isolated RedisSession
    ) throws -> RedisLink {
        guard let endpoint = endpoint ?? first else { throw MessagingError.offline }
        if role == .command { tls.removeAll() }
        let pending = PendingCommands()
        let link = try RedisLink(
            to: endpoint,
            session.options,
            name: session.name(of: role),
            needsMaster: hasMissedMaster || session.needsMaster,
            tls: context(for: endpoint.host, session.options),
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
    func close(_ role: RedisSession.Role) -> Int? {
        guard let link = links.removeValue(forKey: role) else { return nil }
        defer { link.close() }
        return link.clientID
    }

    func closeAll() {
        generation += 1
        for (role, link) in links {
            if case .consumer(let number) = role, let id = link.clientID { lostClients[number] = id }
            link.close()
        }
        links.removeAll()
    }

    /// What the server called the socket that a consumer has lost; told once.
    func takeLostClient(of consumer: Int) -> Int? { lostClients.removeValue(forKey: consumer) }

    /// Nobody has listened for a while, so that the silence is none of the server's.
    func excuse() {
        for link in links.values { link.excuse() }
    }

    /// The sockets that are open now, but for those by which commands go.
    var others: [(role: RedisSession.Role, link: RedisLink)] {
        links.filter { !$0.key.takesCommands }.map { ($0.key, $0.value) }
    }
}
