import MartletMQTTWire

extension Spec {
    struct Subscription {
        let levels: [Substring]
        /// The group that shares it.
        let share: Substring?
        let qos: QoS
        let noLocal: Bool
        let retainAsPublished: Bool
        let identifier: UInt32?

        init(_ entry: SubscribeRequest.Entry, _ identifier: UInt32?) {
            var levels = entry.filter.split(separator: "/", omittingEmptySubsequences: false)
            share = levels[0] == "$share" ? levels[1] : nil
            if share != nil { levels.removeFirst(2) }
            self.levels = levels
            (qos, noLocal, retainAsPublished) = (entry.qos, entry.noLocal, entry.retainAsPublished)
            self.identifier = identifier
        }

        func matches(_ topic: String) -> Bool {
            let names = topic.split(separator: "/", omittingEmptySubsequences: false)
            if topic.hasPrefix("$"), levels[0] == "#" || levels[0] == "+" { return false }
            for (place, level) in levels.enumerated() {
                if level == "#" { return true }
                guard place < names.count, level == "+" || level == names[place] else { return false }
            }
            return levels.count == names.count
        }
    }

    /// A message of QoS 1 or 2 that a client was sent and is not done with.
    struct UnderWay {
        let owed: Owed
        let id: UInt16
        /// The link by which it was sent last.
        var link: Int
        var isReleased = false
    }

    /// A message that is kept, and a subscription that is to get it.
    struct OwesKept {
        let filter: String
        let topic: String
        let link: Int?
        /// As it is kept when the subscription is made: so it comes although another is kept, or none, or the subscription is
        /// made anew, in the same moment.
        var first: Owed?
        /// As it was kept when this moment began, if that is another by now: it may have come before that.
        var before: Owed?
        /// Whether it need not be sent: it has no guarantee, and its connection has gone.
        var isOptional = false
    }

    final class Session {
        let number: Int
        let clientID: String
        var link: Int?
        var subscriptions: [String: Subscription] = [:]
        /// When it last subscribed to anything.
        var subscribedAt: Duration?
        var waiting: [Owed] = []
        /// In the order in which they were first sent.
        var underWay: [UnderWay] = []
        var owesKept: [OwesKept] = []
        /// Identifiers of QoS 2 that have come and are not released.
        var received: Set<UInt16> = []
        var will: WillMessage?
        var expiry = Duration.zero
        var mayChangeExpiry = false
        var leftAt: Duration?
        /// How many messages found no room.
        var dropped = 0

        init(_ number: Int, _ clientID: String) {
            (self.number, self.clientID) = (number, clientID)
        }
    }

    /// An answer that is due at once.
    struct Answer: Equatable {
        let kind: PacketKind
        let id: UInt16
    }

    final class Link {
        let session: Session
        let version: ProtocolVersion
        let window: Int
        let patience: Duration?
        let isPresent: Bool
        var wasAnswered = false
        var lastHeard: Duration
        var stuckSince: Duration?
        var answers: [Answer] = []
        /// Whether the broker is to close it, and whether it may say why.
        var (mustClose, mayTell, isClosed) = (false, false, false)
        var aliases: [UInt16: String] = [:]
        var ownAliases: [UInt32: String] = [:]

        init(_ connect: Connect, _ session: Session, isPresent: Bool, _ limits: SessionLimits, _ now: Duration) {
            self.session = session
            self.isPresent = isPresent
            version = connect.version
            window = min(connect.properties.number(.receiveMaximum).map { Int($0) } ?? 65_535, limits.inFlight)
            patience = connect.keepAlive == 0 ? nil : .milliseconds(1_500 * Int(connect.keepAlive))
            lastHeard = now
        }
    }
}
