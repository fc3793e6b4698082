import Martlet

/// The server's answer to one request, which a task awaits or an observer is told.
typealias Answer = Promise<RedisValue>

/// The server's word on one publish. It fails with a ``RedisError`` where the server refuses.
typealias PublishAnswer = Promise<Void>

/// One or more commands that belong together, on their way to the server. Their replies are told together.
struct Request: Sendable {
    /// Who is told what came of it.
    enum Completion: Sendable {
        /// One reply as it is, several as an array.
        case answer(Answer)
        /// Called on the loop, in the same way.
        case handler(Handler)
        /// The same, unless nobody waits any more for what it leads to.
        case step(Answer, Handler)
    }

    typealias Handler = @Sendable (isolated RedisSession, Result<RedisValue, any Error>) -> Void

    /// How often a cluster may send it on.
    static let maximumRedirections = 5

    /// As they are sent.
    let bytes: [UInt8]
    /// How many commands they are.
    let count: Int
    /// Whether they are kept and sent again after a lost link: they are such that twice does no harm, or may arrive
    /// twice by agreement.
    var isGuaranteed = false
    /// When it is worthless, by the connection's clock, unless it has been sent.
    var deadline: Duration?
    /// Whether the session asks for itself.
    var isOwn = false
    /// Its place among those that producers have given. What the session asks on its way has none, and is behind them.
    var number = UInt64.max
    /// What a cluster's node is chosen by; `nil`: any node will do.
    var slot: Int?
    /// By what it must go, where it has no key that a node could send on: it is about a socket that one server alone knows.
    var role: RedisSession.Role?
    /// For what node it waited before it went ahead of the others that do.
    var scoutOf: Destination?
    /// How often a cluster has sent it on.
    var redirections = 0
    let completion: Completion

    init(_ commands: [[[UInt8]]], slot: Int? = nil, isGuaranteed: Bool = false, _ completion: Completion) {
        var bytes: [UInt8] = []
        for command in commands { CommandFormat.append(command, to: &bytes) }
        self.bytes = bytes
        count = commands.count
        self.slot = slot
        self.isGuaranteed = isGuaranteed
        self.completion = completion
    }

    /// One command, as it is sent.
    init(_ bytes: [UInt8], _ completion: Completion) {
        self.bytes = bytes
        count = 1
        self.completion = completion
    }

    /// About what it costs to keep.
    var cost: Int { bytes.count + 128 }

    /// Whether nobody waits for it any more, so that it need not be sent.
    var isAbandoned: Bool {
        switch completion {
        case .answer(let answer), .step(let answer, _): answer.hasEnded
        case .handler: false
        }
    }

    func end(_ result: Result<RedisValue, any Error>, _ session: isolated RedisSession) {
        switch completion {
        case .answer(let answer): answer.end(result)
        case .handler(let handler), .step(_, let handler): handler(session, result)
        }
    }
}

extension Request {
    /// What a cluster said about where it is to be sent, if none of it has run.
    func redirection(in whole: RedisValue) -> RedisError? {
        guard redirections < Self.maximumRedirections else { return nil }
        let replies = count == 1 ? [whole] : whole.array ?? []
        var redirection: RedisError?
        for reply in replies {
            switch reply {
            case .error(let error) where error.prefix == "MOVED": redirection = redirection ?? error
            // A transaction begins and ends in any case.
            case .status("OK"), .status("QUEUED"): continue
            case .error(let error) where error.prefix == "EXECABORT": continue
            default: return nil
            }
        }
        return redirection
    }
}
