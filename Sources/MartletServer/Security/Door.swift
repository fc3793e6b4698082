import DequeModule
import Martlet
import MartletMQTTWire
import NIOCore
import Synchronization

/// Who is let in: how many connections there may be, and what an authenticator says of their clients.
final class Door: Sendable {
    enum Verdict: Sendable {
        case admitted(Admission)
        /// An authentication goes on: what its client is sent, and what answers it then.
        case proceeds([UInt8], any AuthenticationExchange)
        /// For a reason, which people are told, too, if it is known.
        case refused(ReasonCode, String? = nil)
    }

    /// How somebody is let in.
    struct Admission: Sendable {
        let user: String?
        /// How long it may stay; `nil`: for any time.
        var time: Duration?
        /// What it is told at the end of its authentication.
        var data: [UInt8] = []
    }

    private struct Question: Sendable {
        enum Subject: Sendable {
            case credentials
            /// What a client has said in an authentication by a method.
            case message([UInt8], any AuthenticationExchange)
        }

        let subject: Subject
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
    func ask(
        _ credentials: ClientCredentials,
        _ connection: ClientConnection,
        _ answer: @escaping @Sendable (Verdict) -> Void
    ) {
        if let anonymous = authenticator as? AnonymousAuthenticator {
            let verdict = anonymous.verdict(isLoopback: connection.isLoopback)
            return answer(self.verdict(verdict, otherwise: .notAuthorized))
        }
        ask(.credentials, credentials, connection, answer)
    }

    /// What decides about a client that names a method of authentication; `nil`: there is no such method.
    func exchange(by method: String, _ credentials: ClientCredentials) -> (any AuthenticationExchange)? {
        authenticator.exchange(by: method, credentials)
    }

    /// Has it decided about what a client has said in an authentication, and says so on the connection's loop.
    func ask(
        _ exchange: any AuthenticationExchange,
        _ data: [UInt8],
        _ credentials: ClientCredentials,
        _ connection: ClientConnection,
        _ answer: @escaping @Sendable (Verdict) -> Void
    ) {
        ask(.message(data, exchange), credentials, connection, answer)
    }

    private func ask(
        _ subject: Question.Subject,
        _ credentials: ClientCredentials,
        _ connection: ClientConnection,
        _ answer: @escaping @Sendable (Verdict) -> Void
    ) {
        let question = Question(subject: subject, credentials: credentials) { verdict in
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

    private func verdict(
        _ verdict: AuthenticationVerdict,
        otherwise reason: ReasonCode = .badUserNameOrPassword
    ) -> Verdict {
        guard case .accepted(let user, let time) = verdict else { return .refused(reason) }
        return .admitted(Admission(user: user, time: time))
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
        let late: Verdict =
            switch question.subject {
            case .credentials: .refused(.badUserNameOrPassword)
            case .message: .refused(.notAuthorized)
            }
        await withTaskGroup(of: Verdict.self) { group in
            group.addTask { await self.verdict(on: question) }
            group.addTask {
                try? await Task.sleep(for: self.limits.authenticationTimeout)
                return late
            }
            question.answer(await group.next() ?? late)
            group.cancelAll()
        }
    }

    private func verdict(on question: Question) async -> Verdict {
        let credentials = question.credentials
        switch question.subject {
        case .credentials:
            do {
                return verdict(try await authenticator.authenticate(credentials))
            } catch {
                return .refused(.badUserNameOrPassword, (error as? MessagingError)?.message)
            }
        case .message(let data, var exchange):
            do {
                switch try await exchange.answer(data) {
                case .proceed(let answer) where answer.count <= UInt16.max: return .proceeds(answer, exchange)
                case .accepted(let user, let time, let answer) where answer.count <= UInt16.max:
                    return .admitted(Admission(user: user, time: time, data: answer))
                case .refused: return .refused(.notAuthorized)
                case .proceed, .accepted: return .refused(.notAuthorized, "its authenticator says more than MQTT can")
                }
            } catch {
                return .refused(.notAuthorized, (error as? MessagingError)?.message)
            }
        }
    }
}
