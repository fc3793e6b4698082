import Martlet
import MartletTransport

/// What is consumed, to be opened again on each link. A part of its session, on the session's loop.
final class Consuming {
    private var consumers: [Int: any Restorable] = [:]
    /// Channels of the native API.
    private var natives: [Int: NativeChannel] = [:]
    private var lastID = 0
    private var replies: ReplyConsumer?
    let will: WillKeeper?
    /// What came while readers were behind that no prefetch protects.
    private(set) var backlogMessages = 0
    private(set) var backlogBytes = 0

    init(_ will: Will?) {
        self.will = will.map(WillKeeper.init)
    }

    // MARK: What there is

    func add(_ consumer: any Restorable) {
        consumer.id = nextID()
        consumers[consumer.id] = consumer
    }

    func add(_ native: NativeChannel) {
        native.id = nextID()
        natives[native.id] = native
    }

    private func nextID() -> Int {
        lastID += 1
        return lastID
    }

    func removeConsumer(_ id: Int) -> (any Restorable)? { consumers.removeValue(forKey: id) }
    func native(_ id: Int) -> NativeChannel? { natives[id] }
    func removeNative(_ id: Int) { natives[id] = nil }

    /// Replaces the consumer of replies.
    func setReplies(_ consumer: ReplyConsumer) { replies = consumer }

    /// Forgets the consumer of replies, if it is still this one.
    func dropReplies(_ consumer: ReplyConsumer) {
        if replies === consumer { replies = nil }
    }

    subscript(id: Int) -> (any Restorable)? {
        switch id {
        case ReplyConsumer.fixedID: replies
        case WillKeeper.fixedID: will
        default: consumers[id] ?? natives[id]
        }
    }

    /// All of it, in the order in which it is opened again.
    var all: [any Restorable] {
        (replies.map { [$0] } ?? []) + (will.map { [$0] } ?? []) + consumers.sorted { $0.key < $1.key }.map(\.value)
            + natives.sorted { $0.key < $1.key }.map(\.value)
    }

    /// Whether something consumes a queue that somebody else may have declared.
    func consumes(_ queue: String) -> Bool {
        consumers.values.contains { $0.consumedQueues.contains { $0.hasSameBytes(as: queue) } }
            || natives.values.contains { $0.consumedQueues.contains { $0.hasSameBytes(as: queue) } }
    }

    /// Whether all channels of the native API are open again.
    var nativesAreReady: Bool { natives.values.allSatisfy(\.isReady) }

    /// Whether what is published meanwhile does not come, if the link is lost.
    var losesWithLink: Bool { consumers.values.contains(where: \.losesWithLink) }

    func work(_ session: isolated AMQPSession) {
        for consumer in consumers.values { consumer.work(session) }
        if !session.gate.isClosed { forgetBacklog() }
    }

    // MARK: The end

    func sayGoodbye(_ session: isolated AMQPSession) {
        will?.sayGoodbye(session)
        for consumer in consumers.values { consumer.sayGoodbye(session) }
    }

    func finish(throwing error: (any Error)?) {
        for consumer in consumers.values { consumer.finish(throwing: error) }
        consumers.removeAll()
        for native in natives.values { native.finish(throwing: error) }
        natives.removeAll()
    }

    // MARK: Back-pressure

    /// Counts a delivery that no prefetch holds back, as long as a reader is behind.
    func countBacklog(bytes: Int, _ session: isolated AMQPSession) {
        guard session.gate.isClosed else { return forgetBacklog() }
        backlogMessages += 1
        backlogBytes += bytes
    }

    /// Counts anew once no reader is behind.
    private func forgetBacklog() {
        backlogMessages = 0
        backlogBytes = 0
    }

    /// Whether the socket is not read, because readers are far behind.
    func isDeaf(_ session: isolated AMQPSession) -> Bool {
        session.gate.isClosed && (backlogMessages > 8_192 || backlogBytes > 32 << 20)
    }
}
