import Martlet
import MartletMQTTWire

/// What is in a broker's store, to be shown. Times are nanoseconds since 1970.
package struct StoreDump: Sendable {
    package struct Message: Sendable {
        /// `nil`: it is one of a queue.
        package let topic: String?
        package let body: [UInt8]
        package let qos: UInt8
        package let expires: Int64?
    }

    /// A queue, as its store has it.
    package struct Queue: Sendable {
        package let name: String
        /// The messages in it in their order, and how often each was delivered, those that consumers had in hand among them.
        package let messages: [(message: Message, deliveries: Int)]
    }

    package struct Subscription: Sendable {
        package let filter: String
        package let qos: UInt8
        /// What is subscribed to in its place, by the broker's rules.
        package let ruling: String?
        /// Whether it has yet to get messages that are kept for its topics.
        package let isOwed: Bool
    }

    package struct Session: Sendable {
        package let clientID: String
        package let user: String?
        package let address: String
        package let listener: String
        /// How long it is kept when its client has gone, in seconds.
        package let expiry: Double
        /// Since when its client has gone; `nil`: it was there when the store was last written.
        package let left: Int64?
        package let will: Message?
        package let subscriptions: [Subscription]
        /// Messages that wait, in their order.
        package let queued: [Message]
        /// Messages on their way, in their order, by their packet identifiers; `nil`: the client has it, and is to release it.
        package let inFlight: [(id: UInt16, message: Message?)]
        /// The packet identifiers of messages of QoS 2 that the client has not released.
        package let received: [UInt16]
    }

    package let retained: [Message]
    package let sessions: [Session]
    package let queues: [Queue]
    /// When it was last written; `nil`: never.
    package let time: Int64?
    /// How many messages are in queues.
    package var waitingCount: Int { queues.reduce(0) { $0 + $1.messages.count } }
    /// How many messages wait for clients or are on their way to them.
    package var queuedCount: Int { sessions.reduce(0) { $0 + $1.queued.count + $1.inFlight.count } }
    /// Bytes at the end of the log that are no record: nothing that was acknowledged depends on them.
    package let cutBytes: Int

    /// Reads a store, also one that a broker uses. Blocks.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` if the folder can't be read or a file in it is damaged.
    package init(folder path: String) throws {
        // A clock that begins in 1970: times are what they are.
        let clock = WallTime(.zero, is: 0)
        let folder = try LockedFolder(path, isReadOnly: true)
        let contents = try StoreContents(of: folder, on: .system, StoreImage(SessionLimits(), clock))
        retained = contents.image.retained.values.compactMap { entry in
            switch entry {
            case .kept(let publication): Message(publication, clock)
            case .keptOwn(let publication): Message(Publication(publication), clock)
            default: nil
            }
        }.sorted { ($0.topic ?? "").utf8.lexicographicallyPrecedes(($1.topic ?? "").utf8) }
        sessions = contents.image.sessions.compactMap { kept in kept.map { Session($0, clock) } }
            .sorted { $0.clientID.utf8.lexicographicallyPrecedes($1.clientID.utf8) }
        queues = Dictionary(grouping: contents.image.queued.values) { Array($0.queue.utf8) }
            .sorted { $0.key.lexicographicallyPrecedes($1.key) }
            .map { Queue(String(decoding: $0.key, as: UTF8.self), $0.value, clock) }
        time = contents.image.time == .min ? nil : contents.image.time
        cutBytes = contents.cutBytes
    }
}

extension StoreDump.Message {
    fileprivate init(_ publication: Publication, _ clock: WallTime) {
        self.init(
            topic: publication.topic,
            body: publication.payload,
            qos: publication.qos.rawValue,
            expires: publication.expiresAt.map { clock.nanoseconds($0) }
        )
    }
}

extension StoreDump.Queue {
    fileprivate init(_ name: String, _ messages: [StoredMessage], _ clock: WallTime) {
        self.init(
            name: name,
            messages: messages.sorted { $0.number < $1.number }.map { stored in
                let publication: Publication
                switch stored.content {
                case .client(let wire): publication = wire
                case .own(let message):
                    publication = Publication(BrokerPublication(message, to: TopicName(mqtt: name), retain: false))
                }
                let message = StoreDump.Message(
                    topic: nil,
                    body: publication.payload,
                    qos: stored.qos.rawValue,
                    expires: stored.expiresAt.map { clock.nanoseconds($0) }
                )
                return (message, stored.deliveries)
            }
        )
    }
}

extension StoreDump.Session {
    fileprivate init(_ kept: StoreImage.Kept, _ clock: WallTime) {
        var (left, will): (Int64?, StoreDump.Message?) = (nil, nil)
        var expiry = Duration.zero
        var subscriptions: [StoreDump.Subscription] = []
        var queued: [StoreDump.Message] = []
        var inFlight: [(id: UInt16, message: StoreDump.Message?)] = []
        var received: [UInt16] = []
        for change in kept.session.history {
            switch change {
            case .connected(let time, let message):
                expiry = time
                will = message.map {
                    StoreDump.Message(topic: $0.topic, body: $0.payload, qos: $0.qos.rawValue, expires: nil)
                }
            case .left(let time, _, _): left = clock.nanoseconds(time)
            case .subscribed(let subscription):
                let entry = subscription.entry
                subscriptions.append(
                    .init(
                        filter: entry.filter,
                        qos: entry.qos.rawValue,
                        ruling: subscription.ruling,
                        isOwed: kept.session.owed.contains(subscription.number)
                    )
                )
            case .queued(_, let publication, _, _): queued.append(.init(publication, clock))
            case .inFlight(let id, let publication, _, _): inFlight.append((id, .init(publication, clock)))
            case .released(let id): inFlight.append((id, nil))
            case .received(let id, _): received.append(id)
            default: break
            }
        }
        self.init(
            clientID: kept.session.clientID,
            user: kept.origin.user,
            address: kept.origin.address,
            listener: kept.origin.listener,
            expiry: Double(expiry.wholeNanoseconds) / 1e9,
            left: left,
            will: will,
            subscriptions: subscriptions,
            queued: queued,
            inFlight: inFlight,
            received: received
        )
    }
}
