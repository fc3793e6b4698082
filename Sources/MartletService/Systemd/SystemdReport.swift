import Logging
import Martlet

/// What systemd is told of a service while it runs, if systemd runs it.
///
/// A service counts as started once its components can be found, or once it waits for its broker: otherwise a machine whose
/// broker starts later would start the service again and again.
actor SystemdReport {
    private let socket: NotifySocket?
    private let logger: Logger
    private var link: ConnectionState?
    private var health: NodeHealth?
    private var isReady = false
    private var isStopping = false
    private var hasComplained = false
    /// Why the settings are still the old ones.
    private var refusal: String?
    private var lastStatus: String?

    init(_ socket: NotifySocket?, _ logger: Logger) {
        self.socket = socket
        self.logger = logger
    }

    // MARK: What happens

    /// The link to the broker is another one.
    func update(link: ConnectionState) async {
        self.link = link
        await tell()
    }

    /// The components are as they are.
    ///
    /// - Returns: whether the service has started.
    func update(health: NodeHealth) async -> Bool {
        self.health = health
        await tell()
        return isReady
    }

    /// It is about to read its settings again.
    func reloading() async {
        await send(.reloading(at: SystemdNotice.now))
    }

    /// The settings are good, and a run with them is about to begin.
    func restarting() {
        (isReady, health, refusal, link) = (false, nil, nil, nil)
    }

    /// The new settings are no good; it goes on with the old ones.
    func refused(_ error: any Error) async {
        refusal = "the new settings are wrong, the old ones hold: \(error)"
        lastStatus = status
        await send(.ready(status))
    }

    /// It has nothing to do, and ends.
    func idle(_ reason: String) async {
        await send(.ready(reason))
        await stopping(reason, within: nil)
    }

    /// It ends.
    ///
    /// - Parameter limit: how long work in hand may take.
    func stopping(_ status: String, within limit: Duration?) async {
        isStopping = true
        // Its connection is closed after that, and takes seconds at most.
        await send(.stopping(status, within: limit.map { $0 + .seconds(15) }))
    }

    /// It is alive.
    func alive() async {
        guard !isStopping else { return }
        await send(.alive)
    }

    // MARK: Telling it

    private func tell() async {
        guard !isStopping else { return }
        let isWaiting = link == .connecting || link == .disconnected
        let isFound = health.map { $0.state != .idle && !$0.components.contains { $0.state == .starting } } ?? false
        guard isReady || isWaiting || isFound, status != lastStatus || !isReady else { return }
        lastStatus = status
        let isFirst = !isReady
        isReady = true
        await send(isFirst ? .ready(status) : .status(status))
    }

    private var status: String {
        var parts: [String] = []
        switch link {
        case .connected: parts.append(health?.state == .stopped ? "stopped, until it is enabled" : "running")
        case .connecting, .disconnected, nil: parts.append("waits for its broker")
        case .closed: parts.append("has closed its connection")
        }
        for component in health?.components ?? [] where [.failed, .restarting].contains(component.state) {
            let error = component.lastError.map { ": \($0.prefix(100))" } ?? ""
            parts.append("\(component.name) \(component.state == .failed ? "has failed" : "is run again")\(error)")
        }
        if let refusal { parts.append(refusal) }
        return parts.joined(separator: "; ")
    }

    /// Sends a notice. While systemd has not read earlier ones, one that it waits for is tried for five seconds.
    private func send(_ notice: SystemdNotice) async {
        guard let socket else { return }
        for _ in 0..<(notice.isAwaited ? 50 : 1) {
            do throws(NotifySocket.Failure) {
                return try socket.send(notice.text)
            } catch {
                if !error.isOfHaste { return complain(error) }
            }
            try? await Task.sleep(for: .milliseconds(100))
        }
    }

    private func complain(_ failure: NotifySocket.Failure) {
        guard !hasComplained else { return }
        hasComplained = true
        let error = StoreFailure(of: "sendto", code: failure.code)
        logger.warning("systemd can't be told how the service is", metadata: ["error": "\(error)"])
    }
}
