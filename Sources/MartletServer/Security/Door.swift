import DequeModule
import Martlet
import MartletMQTTWire
import NIOCore
import Synchronization

/// Who is let in: how many connections there may be, and what an authenticator says of their clients.
final class Door: Sendable {
    enum Verdict: Sendable {
        case admitted(user: String?, Permissions)
        case refused(ReasonCode)
    }

    private struct Question: Sendable {
        let credentials: ClientCredentials
        let answer: @Sendable (Verdict) -> Void
    }

    private struct Counts {
        var connections: [Int: ClientConnection] = [:]
        var isClosing = false
        var byAddress: [String: Int] = [:]
        var rate: ConnectRate
    }

    /// So many clients are asked about at a time.
    private static let workers = 4
    /// So many may wait for that; another one is told that the server is busy.
    private static let limit = 1_000

    private let authenticator: any Authenticator
    private let rules: Mutex<AccessRules?>
    private let limits: ServerLimits
    private let counts: Mutex<Counts>
    private let questions: Mailbox<Question>
    private let began = ContinuousClock.now

    init(_ authenticator: any Authenticator, _ rules: AccessRules?, _ limits: ServerLimits) {
        self.authenticator = authenticator
        self.rules = Mutex(rules)
        self.limits = limits
        questions = Mailbox(limit: Self.limit, overflow: .dropNewest)
        counts = Mutex(Counts(rate: ConnectRate(limits.connectionsPerSecond)))
    }

    // MARK: Connections

    /// Whether there may be one more connection. If so, ``left(_:)`` says when it has gone.
    func enters(_ connection: ClientConnection) -> Bool {
        let now = began.duration(to: .now)
        return counts.withLock { counts in
            let own = counts.byAddress[connection.address] ?? 0
            guard !counts.isClosing, counts.connections.count < limits.connections, own < limits.connectionsPerAddress,
                counts.rate.admits(at: now)
            else { return false }
            counts.connections[connection.number] = connection
            counts.byAddress[connection.address] = own + 1
            return true
        }
    }

    func left(_ connection: ClientConnection) {
        counts.withLock { counts in
            guard counts.connections.removeValue(forKey: connection.number) != nil,
                let own = counts.byAddress[connection.address]
            else { return }
            counts.byAddress[connection.address] = own > 1 ? own - 1 : nil
        }
    }

    /// How many connections there are.
    var count: Int { counts.withLock { $0.connections.count } }

    /// Lets nobody in any more.
    ///
    /// - Returns: the connections that there are.
    func close() -> [ClientConnection] {
        counts.withLock { counts in
            counts.isClosing = true
            return Array(counts.connections.values)
        }
    }

    // MARK: Clients

    /// Has it decided who a client is, and says so on the connection's loop: at once where nobody need be asked.
    func ask(_ connect: Connect, _ connection: ClientConnection, _ answer: @escaping @Sendable (Verdict) -> Void) {
        if let anonymous = authenticator as? AnonymousAuthenticator {
            return answer(
                verdict(anonymous.verdict(isLoopback: connection.isLoopback), connect.clientID, isAnonymous: true)
            )
        }
        let question = Question(
            credentials: ClientCredentials(
                clientID: connect.clientID,
                user: connect.userName,
                password: connect.password,
                address: connection.address,
                isLoopback: connection.isLoopback,
                listener: connection.listener,
                certificateSubject: connection.certificate?.subject,
                certificateName: connection.certificate?.commonName
            )
        ) { verdict in
            connection.channel.eventLoop.execute { answer(verdict) }
        }
        if case .accepted = questions.offer(question, topic: "") { return }
        answer(.refused(.serverBusy))
    }

    /// Has other rules hold for those who come from now on.
    func setRules(_ rules: AccessRules?) { self.rules.withLock { $0 = rules } }

    /// What a client of an identifier and a user may do.
    func permissions(clientID: String, user: String?) -> Permissions {
        rules.withLock { $0 }?.permissions(clientID: clientID, user: user) ?? .all
    }

    private func verdict(_ verdict: AuthenticationVerdict, _ clientID: String, isAnonymous: Bool = false) -> Verdict {
        switch verdict {
        case .accepted(let user):
            .admitted(user: user, permissions(clientID: clientID, user: user))
        case .refused: .refused(isAnonymous ? .notAuthorized : .badUserNameOrPassword)
        }
    }

    /// Has the authenticator decide about clients, several at a time, until it is cancelled.
    func work() async {
        await withTaskGroup(of: Void.self) { group in
            var running = 0
            var next = Deque<Question>()
            while (try? await questions.next(into: &next, onlyOne: true)) != nil, let question = next.popFirst() {
                if running == Self.workers { await group.next() } else { running += 1 }
                group.addTask { await self.decide(question) }
            }
            group.cancelAll()
        }
    }

    private func decide(_ question: Question) async {
        await withTaskGroup(of: AuthenticationVerdict.self) { group in
            group.addTask { (try? await self.authenticator.authenticate(question.credentials)) ?? .refused }
            group.addTask {
                try? await Task.sleep(for: self.limits.authenticationTimeout)
                return .refused
            }
            let first = await group.next() ?? .refused
            question.answer(verdict(first, question.credentials.clientID))
            group.cancelAll()
        }
    }
}
