import Logging
import Martlet
import MartletTransport

extension ConnectionRuntime {
    /// Notes that the other end fails, and logs it: as a warning once in a while, and as often as it happens at `debug`.
    ///
    /// - Parameter what: what it fails at.
    func note(_ error: any Error, _ what: String, _ history: inout LinkHistory) {
        let isDue = history.failed(at: timers.now)
        linkLost(because: error)
        linkFailed(error)
        logger.log(
            level: isDue ? .warning : .debug,
            "\(what): \(error)",
            metadata: ["failures": "\(history.failures)"]
        )
    }
}
