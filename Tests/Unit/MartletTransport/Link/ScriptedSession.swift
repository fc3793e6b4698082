import Martlet
import MartletTesting
import MartletTransport

/// A session without a socket, whose broker does what a test says. It records what its keeper asks of it.
actor ScriptedSession: LinkSession {
    enum Answer {
        case accepts
        case fails
        case isSilent
    }

    enum Restoring {
        case succeeds
        case hangs
    }

    nonisolated let loop = EventLoop(name: "scripted")
    nonisolated let clock = TestClock()
    nonisolated let runtime: ConnectionRuntime
    nonisolated let bell: Bell
    nonisolated let events = Recorder<String>()
    let keeper: LinkKeeper
    private var answers: [Answer]
    private var restoring: [Restoring]
    private var hanging: Promise<Void>?
    private var unwritten: Int
    private var carried = LinkTraffic()
    private var question: Promise<Void>?
    /// When it was asked how far all has come.
    nonisolated let looks = Recorder<Void>()

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// - Parameters:
    ///   - answers: to one attempt after the other.
    ///   - restoring: how that goes on one link after the other; it succeeds where nothing is said.
    ///   - unwritten: how many messages are to be written, one at a time, when it closes.
    ///   - servers: their ports.
    init(
        _ answers: [Answer],
        restoring: [Restoring] = [],
        unwritten: Int = 0,
        servers: [Int] = [1],
        attempts: Int? = nil
    ) throws {
        self.answers = answers
        self.restoring = restoring
        self.unwritten = unwritten
        let options = ConnectionOptions(logger: LogRecorder().logger, clock: clock)
        runtime = ConnectionRuntime(options)
        bell = Bell(loop)
        let link = LinkOptions(
            servers: servers.map { .tcp(host: "127.0.0.1", port: $0) },
            connectTimeout: .seconds(10),
            restoreTimeout: .seconds(20),
            reconnect: Backoff(initial: .milliseconds(100), jitter: 0, attempts: attempts)
        )
        keeper = LinkKeeper(link, options)
        try loop.open()
    }

    /// The link breaks.
    func lose(_ reason: String) {
        linkFailed(MessagingError(.connectionLost, reason))
    }

    func carries(_ traffic: LinkTraffic) { carried = traffic }

    var traffic: LinkTraffic {
        looks.signal()
        return carried
    }

    /// Asks the broker something, which has ten seconds for it.
    func ask() async throws {
        let promise = Promise<Void>()
        question = promise
        try await answer(promise, within: .seconds(10), or: MessagingError(.timeout, "there is no answer"))
    }

    /// The broker replies.
    func replies() { question?.end(.success(())) }

    func openLink(to endpoint: Endpoint) throws {
        guard case .tcp(let address, _) = endpoint else { return }
        events.record("try \(address.port)")
        switch answers.removeFirst() {
        case .accepts: linkAnswered()
        case .fails: throw MessagingError(.connectionLost, "nobody is there")
        case .isSilent: break
        }
    }

    func restoreLink() async throws {
        events.record("restore")
        guard !restoring.isEmpty, case .hangs = restoring.removeFirst() else { return }
        let promise = Promise<Void>()
        hanging = promise
        try await promise.value()
    }

    func linkIsOpen() { events.record("open") }

    func releaseLink() {}

    func linkIsLost(_ error: MessagingError) {
        events.record("lost: \(error.message)")
        hanging?.end(.failure(error))
    }

    var hasUnwritten: Bool { unwritten > 0 }

    func writeAccepted() {
        events.record("write")
        unwritten -= 1
        keeper.progressed()
    }

    func sayGoodbye(until deadline: Duration) async { events.record("goodbye") }

    func end(_ error: MessagingError) { events.record("end: \(error.message)") }
}
