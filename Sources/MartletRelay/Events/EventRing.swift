import DequeModule
import Martlet
import NIOCore
import Synchronization

/// The events that an ``EventSink`` keeps, the oldest of which goes when there are too many, and the clients that are told of new
/// ones.
final class EventRing: Sendable {
    private struct Entry {
        let topic: TopicName
        let fields: [UInt8]
    }

    private struct State {
        var entries: Deque<Entry> = []
        /// The offset of the first entry.
        var first: UInt64 = 0
        var bytes = 0
        var clients: [ObjectIdentifier: (channel: any Channel, tell: @Sendable () -> Void)] = [:]
        var isClosed = false
    }

    private let maximumEvents: Int
    private let maximumBytes: Int
    private let maximumClients: Int
    /// What the IDs of this run begin with.
    private let run = String(UInt64.random(in: .min ... .max), radix: 36)
    private let state = Mutex(State())

    init(_ options: EventSinkOptions) {
        maximumEvents = max(1, options.maximumEvents)
        maximumBytes = options.maximumBytes
        maximumClients = options.maximumClients
    }

    // MARK: Events

    /// Keeps a message.
    ///
    /// - Returns: whether it can be an event.
    func append(_ item: SinkItem) -> Bool {
        guard let text = item.message.text else { return false }
        state.withLock { state in
            let id = "\(run)-\(state.first + UInt64(state.entries.count))"
            let entry = Entry(topic: item.topic, fields: Self.fields(id: id, item.topic, text))
            state.entries.append(entry)
            state.bytes += entry.fields.count
            while state.entries.count > maximumEvents || (state.bytes > maximumBytes && state.entries.count > 1) {
                state.bytes -= state.entries.removeFirst().fields.count
                state.first += 1
            }
        }
        return true
    }

    /// An event as it is sent.
    static func fields(id: String, _ topic: TopicName, _ text: String) -> [UInt8] {
        // A line end in a name would begin another field.
        let type = topic.text.replacing(#/[\r\n]/#, with: "_")
        var result = "id: \(id)\nevent: \(type)\n"
        for line in text.split(separator: #/\r\n|\r|\n/#, omittingEmptySubsequences: false) {
            result += "data: \(line)\n"
        }
        return Array((result + "\n").utf8)
    }

    /// Where a client begins.
    ///
    /// - Parameter id: of the last event that it has got; `nil`: it has none, and begins with what comes.
    func start(behind id: String?) -> UInt64 {
        state.withLock { state in
            let end = state.first + UInt64(state.entries.count)
            guard let id else { return end }
            guard id.hasPrefix(run + "-"), let offset = UInt64(id.dropFirst(run.count + 1)), offset < end else {
                return state.first
            }
            // What is no more kept between is missed; the client can tell by the IDs.
            return max(offset + 1, state.first)
        }
    }

    enum Next {
        case event([UInt8])
        case nothing
        /// Some of what the client has not got is kept no more.
        case missed
    }

    /// The next event of a client.
    ///
    /// - Parameter offset: where it stands; it is moved behind the event.
    func next(at offset: inout UInt64, _ patterns: [TopicPattern]) -> Next {
        state.withLock { state in
            guard offset >= state.first else { return .missed }
            while offset - state.first < UInt64(state.entries.count) {
                let entry = state.entries[Int(offset - state.first)]
                offset += 1
                if patterns.isEmpty || patterns.contains(where: { $0.matches(entry.topic) }) {
                    return .event(entry.fields)
                }
            }
            return .nothing
        }
    }

    // MARK: Clients

    /// A client comes.
    ///
    /// - Parameter tell: called, from any thread, when there are events.
    /// - Returns: whether there is room for it.
    func enter(_ channel: any Channel, tell: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            guard !state.isClosed, state.clients.count < maximumClients else { return false }
            state.clients[ObjectIdentifier(channel)] = (channel, tell)
            return true
        }
    }

    func leave(_ channel: any Channel) {
        state.withLock { _ = $0.clients.removeValue(forKey: ObjectIdentifier(channel)) }
    }

    func tellClients() {
        for client in state.withLock({ Array($0.clients.values) }) { client.tell() }
    }

    /// Takes no more clients.
    ///
    /// - Returns: those that there are.
    func close() -> [any Channel] {
        state.withLock { state in
            state.isClosed = true
            return state.clients.values.map(\.channel)
        }
    }
}
