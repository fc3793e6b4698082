import Martlet

/// Finds the message that a broker answers by ending the link, again and again. A pure value.
///
/// Whatever has been sent is confirmed in order, so that the oldest message which is not is the likely one. A link may end for
/// other reasons, though: so it takes several links in a row that end with the same message first and no progress between.
struct CulpritSearch<ID: Hashable> {
    /// How a link has ended.
    enum Ending {
        /// The broker has said that a message is at fault.
        case blamed
        /// The other side has ended it, and has not said why.
        case unexplained
        /// For a reason that no message has to do with.
        case otherwise
    }

    private var suspect: ID?
    /// How many links in a row have ended with the suspect first.
    private(set) var links = 0
    private var isBlamed = false

    /// Whether the suspect is sent alone, so that no other message can be at fault.
    var isProbing: Bool { isBlamed || links >= 2 }

    /// A link is lost.
    ///
    /// - Parameters:
    ///   - first: the oldest message that the broker has neither received nor refused, if there is any.
    ///   - isAlone: whether there is no other.
    ///   - isOwed: whether the broker keeps the session, so that the messages have to be sent again (MQTT 5, 4.4). The
    ///     library then sends them all at once.
    /// - Returns: whether that message is found to be the one.
    mutating func linkEnded(_ ending: Ending, first: ID?, isAlone: Bool, isOwed: Bool) -> Bool {
        if case .otherwise = ending { return false }
        if first != suspect || first == nil {
            self = CulpritSearch()
            suspect = first
        }
        guard first != nil else { return false }
        links += 1
        if case .blamed = ending { isBlamed = true }
        let limit = isBlamed ? (isOwed ? 3 : 1) : (isOwed ? 5 : 3)
        return links >= limit && (isAlone || isOwed)
    }

    /// The broker has received a message, or refused it.
    mutating func progressed() { self = CulpritSearch() }
}
