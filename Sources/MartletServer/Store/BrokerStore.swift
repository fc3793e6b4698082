/// Where a ``BrokerServer`` keeps what is to outlive its process: sessions with their subscriptions, messages and wills, what is
/// in queues, and the retained messages of its broker.
public struct BrokerStore: Sendable, Hashable {
    /// When what was written is forced onto the disk.
    public enum Sync: Sendable, Hashable {
        /// Before anything that depends on it leaves, such as a PUBACK: what was acknowledged is there after a power cut, too. What
        /// all clients send meanwhile is forced onto the disk in one go.
        case always
        /// After a time at the latest. It is written before an acknowledgement leaves all the same, so that a process that is
        /// killed loses nothing; a machine that loses its power loses what was acknowledged in that time.
        case interval(Duration)
    }

    enum Form: Sendable, Hashable {
        case none
        case log(folder: String, Sync)
    }

    let form: Form

    /// Nothing is kept.
    public static let none = BrokerStore(form: .none)

    /// A folder with a log of all changes and, from time to time, a snapshot that takes the place of a long log.
    ///
    /// One process uses it at a time. The folder belongs to the user of the process.
    ///
    /// - Parameters:
    ///   - folder: its path. It is made if there is none; the one that it lies in is not.
    ///   - sync: by default ``Sync/always``: an acknowledgement says that the broker answers for the message from now on, and so
    ///     it must not depend on the power.
    public static func log(_ folder: String, sync: Sync = .always) -> BrokerStore {
        BrokerStore(form: .log(folder: folder, sync))
    }
}
