import Logging

/// Tells what the library warns of while a bridge runs: that its store is full, or that something can't be passed on. It does
/// so once a minute at most for each. What it warns of a route before that runs has been said with the plan.
struct BridgeLog: LogHandler {
    var logLevel = Logger.Level.warning
    var metadata: Logger.Metadata = [:]
    private let screen: BridgeScreen

    init(_ screen: BridgeScreen) {
        self.screen = screen
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let metadata = metadata.merging(event.metadata ?? [:]) { $1 }
        guard screen.isOpen || metadata["route"] == nil else { return }
        let route = metadata["route"].map { "\($0): " } ?? ""
        let error = (event.error.map { "\($0)" } ?? metadata["error"].map { "\($0)" }).map { ": \($0)" } ?? ""
        screen.note("martlet: \(route)\(event.message)\(error)")
    }
}
