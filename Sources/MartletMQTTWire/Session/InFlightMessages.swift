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
        /// It is done with.
        case done
        /// It goes on with PUBREL.
        case release
        case unknown
        /// It is not of that quality.
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
        case .published(_, _, .atLeastOnce):
            remove(id)
            return .done
        case .published, .released: return .wrongQuality
        case nil: return .unknown
        }
    }

    /// The client has the message, or does not want it.
    mutating func receive(_ id: UInt16, isError: Bool) -> Outcome {
        switch messages[id]?.stage {
        case .published(_, _, .exactlyOnce):
            guard !isError else {
                remove(id)
                return .done
            }
            messages[id]?.stage = .released
            return .release
        case .released:
            return .release
        case .published: return .wrongQuality
        case nil: return .unknown
        }
    }

    mutating func complete(_ id: UInt16) -> Outcome {
        switch messages[id]?.stage {
        case .released:
            remove(id)
            return .done
        case .published(_, _, .exactlyOnce): return .unknown
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

    mutating func removeAll() {
        self = InFlightMessages()
    }
}
