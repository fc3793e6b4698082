import Martlet

/// Who waits for the broker's answer to a SUBSCRIBE.
enum PendingSubscribe: Sendable {
    /// A caller, for the filter.
    case caller(Promise<CInt>, filter: Int)
    /// Nobody: the filter was subscribed to on the link before.
    case restored(filter: Int)

    var isRestored: Bool {
        if case .restored = self { true } else { false }
    }
}
