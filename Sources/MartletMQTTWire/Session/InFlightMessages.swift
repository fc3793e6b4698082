/// The messages of QoS 1 and 2 that a client has not yet done with, by their packet identifiers.
struct InFlightMessages: Sendable {
    struct Message: Sendable {
        enum Stage: Sendable {
            /// To be acknowledged, by PUBACK or PUBREC.
            case published(Publication, Match, QoS)
            /// The client has it; to be completed by PUBCOMP.
            case released
        }

        var stage: Stage
        /// The order in which they were first sent.
        let sequence: UInt64
        /// Whether it was sent on this link.
        var isSentHere: Bool
    }

    /// What a client has said of a message, and what that means for it.
    enum Outcome: Sendable {
        /// It is done with. If it was a delivery of a queue, that is to be settled.
        case done(delivery: UInt64?)
        /// It goes on with PUBREL. So does a delivery of a queue, which is to be settled the first time.
        case release(delivery: UInt64?)
        case unknown
        /// It is not of that quality, or not so far yet.
        case wrongQuality
    }

    private var messages: [UInt16: Message] = [:]
    private var lastID: UInt16 = 0
    private var lastSequence: UInt64 = 0
    /// How many were published on this link and are not done with.
    private(set) var window = 0
    /// Of messages from earlier links, those that were not sent on this one yet, the latest first.
    private var resending: [UInt16] = []

    var count: Int { messages.count }
    /// Whether some of an earlier link are to be sent before anything else.
    var isResending: Bool { !resending.isEmpty }
    /// Whether there is an identifier for one more.
    var hasRoom: Bool { messages.count < Int(UInt16.max) }

    /// Adds a message that is being sent.
    ///
    /// - Returns: its identifier.
    mutating func add(_ publication: Publication, _ match: Match, _ qos: QoS) -> UInt16 {
        repeat { lastID = lastID == .max ? 1 : lastID + 1 } while messages[lastID] != nil
        lastSequence += 1
        messages[lastID] = Message(stage: .published(publication, match, qos), sequence: lastSequence, isSentHere: true)
        window += 1
        return lastID
    }

    /// Has a message be as it was before: not yet sent on any link.
    mutating func restore(_ id: UInt16, _ stage: Message.Stage) {
        if case .released = stage, messages[id] != nil {
            messages[id]?.stage = stage
            return
        }
        lastID = id
        lastSequence += 1
        messages[id] = Message(stage: stage, sequence: lastSequence, isSentHere: false)
    }

    /// The messages in the order in which they were first sent.
    func forEachInOrder(_ body: (UInt16, Message.Stage) -> Void) {
        for (id, message) in messages.sorted(by: { $0.value.sequence < $1.value.sequence }) { body(id, message.stage) }
    }

    // MARK: Answers

    mutating func acknowledge(_ id: UInt16) -> Outcome {
        switch messages[id]?.stage {
        case .published(_, let match, .atLeastOnce):
            remove(id)
            return .done(delivery: match.delivery)
        case .published, .released: return .wrongQuality
        case nil: return .unknown
        }
    }

    /// The client has the message, or does not want it.
    mutating func receive(_ id: UInt16, isError: Bool) -> Outcome {
        switch messages[id]?.stage {
        case .published(_, let match, .exactlyOnce):
            guard !isError else {
                remove(id)
                return .done(delivery: match.delivery)
            }
            messages[id]?.stage = .released
            return .release(delivery: match.delivery)
        case .released:
            return .release(delivery: nil)
        case .published: return .wrongQuality
        case nil: return .unknown
        }
    }

    mutating func complete(_ id: UInt16) -> Outcome {
        switch messages[id]?.stage {
        case .released:
            remove(id)
            return .done(delivery: nil)
        case .published: return .wrongQuality
        case nil: return .unknown
        }
    }

    /// Has a message be done with that can't be sent again.
    mutating func forget(_ id: UInt16) { remove(id) }

    private mutating func remove(_ id: UInt16) {
        guard let message = messages.removeValue(forKey: id) else { return }
        if message.isSentHere { window -= 1 } else { resending.removeAll { $0 == id } }
    }

    // MARK: A new link

    /// The link is lost: all are to be sent again on the next one.
    mutating func loseLink() {
        window = 0
        for id in messages.keys { messages[id]?.isSentHere = false }
        resending = []
    }

    /// A new link: what was released is to be said again at once, the others as the window allows.
    ///
    /// - Returns: the identifiers that are released, in order.
    mutating func beginResending() -> [UInt16] {
        let ordered = messages.sorted { $0.value.sequence < $1.value.sequence }
        var released: [UInt16] = []
        for (id, message) in ordered {
            if case .released = message.stage { released.append(id) } else { resending.append(id) }
        }
        resending.reverse()
        return released
    }

    /// The next one to be sent again.
    mutating func resendNext() -> (id: UInt16, Publication, Match, QoS)? {
        while let id = resending.popLast() {
            guard let message = messages[id], case .published(let publication, let match, let qos) = message.stage
            else {
                continue
            }
            messages[id]?.isSentHere = true
            window += 1
            return (id, publication, match, qos)
        }
        return nil
    }

    /// Takes out messages that are to be acknowledged and were not sent on this link.
    mutating func takeUnsent(where isWanted: (Publication) -> Bool) -> [(id: UInt16, Publication, Match, QoS)] {
        var taken: [(id: UInt16, Publication, Match, QoS)] = []
        for (id, message) in messages.sorted(by: { $0.value.sequence < $1.value.sequence }) where !message.isSentHere {
            guard case .published(let publication, let match, let qos) = message.stage, isWanted(publication) else {
                continue
            }
            messages[id] = nil
            taken.append((id, publication, match, qos))
        }
        if !taken.isEmpty { resending.removeAll { messages[$0] == nil } }
        return taken
    }

    /// Takes out deliveries of queues that another client may get: those of QoS 1, which are not acknowledged (MQTT 5, 4.8.2).
    mutating func takeReturnable() -> [(id: UInt16, delivery: UInt64)] { takeDeliveries { $0 == .atLeastOnce } }

    /// Takes out all deliveries of queues that the client does not have yet.
    mutating func takeDeliveries() -> [(id: UInt16, delivery: UInt64)] { takeDeliveries { _ in true } }

    private mutating func takeDeliveries(where isWanted: (QoS) -> Bool) -> [(id: UInt16, delivery: UInt64)] {
        var deliveries: [(id: UInt16, delivery: UInt64)] = []
        for (id, message) in messages.sorted(by: { $0.value.sequence < $1.value.sequence }) {
            guard case .published(_, let match, let qos) = message.stage, let delivery = match.delivery, isWanted(qos)
            else { continue }
            deliveries.append((id, delivery))
            remove(id)
        }
        return deliveries
    }

    /// The deliveries of queues among them are known by other numbers from now on; `nil`: not at all.
    mutating func renumberDeliveries(_ number: (UInt64) -> UInt64?) {
        for (id, message) in messages {
            guard case .published(let publication, var match, let qos) = message.stage, let delivery = match.delivery
            else { continue }
            match.delivery = number(delivery)
            messages[id]?.stage = .published(publication, match, qos)
        }
    }

    /// The deliveries of queues among them that nobody else may get: those of QoS 2.
    var heldDeliveries: [UInt64] {
        messages.values.compactMap { message in
            guard case .published(_, let match, .exactlyOnce) = message.stage else { return nil }
            return match.delivery
        }
    }

    /// The messages that another member of a group may get, in order.
    var shared: [(Publication, subscription: Int)] {
        messages.values.sorted { $0.sequence < $1.sequence }.compactMap { message in
            guard case .published(let publication, let match, .atLeastOnce) = message.stage, let share = match.share
            else { return nil }
            return (publication, share)
        }
    }

    /// The delivery of a queue that a message is.
    func delivery(of id: UInt16) -> UInt64? {
        guard case .published(_, let match, _) = messages[id]?.stage else { return nil }
        return match.delivery
    }

    mutating func removeAll() {
        self = InFlightMessages()
    }
}
