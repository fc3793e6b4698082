import BridgeSupport
import Martlet
import Synchronization
import Testing

/// What the good peers of a broker have in common: its names, one node that serves them all, and what has come of each.
///
/// Each peer counts from 1 on. What a node gets is the peer's number times a million, and the count.
final class House: Sendable {
    static let peers = 20
    private static let step = 1_000_000

    let kind: BrokerKind
    let double: RPC<Int, Int>
    let count: StreamingRPC<Int, Int>
    let move: Action<Int, Int, Int>
    let news: Topic<Int>
    let work: Queue<Int>
    /// What is large, read slowly, and may be dropped.
    let bulk: TopicName
    /// A service that a hostile peer serves, and good ones call.
    let trap: RPC<Int, Int>
    let goods = Atomic(0)
    let strikes = Atomic(0)
    private let isOver = Atomic(false)
    private let lastNews = Mutex([Int](repeating: 0, count: peers))
    private let lastWork = Mutex([Int](repeating: 0, count: peers))

    init(_ kind: BrokerKind) {
        self.kind = kind
        let prefix = "house\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
        double = RPC(QueueName("\(prefix).double"))
        count = StreamingRPC(QueueName("\(prefix).count"))
        move = Action(QueueName("\(prefix).move"))
        news = Topic(TopicName("\(prefix).news"))
        work = Queue(QueueName("\(prefix).work"))
        bulk = TopicName("\(prefix).bulk")
        trap = RPC(QueueName("\(prefix).trap"))
    }

    var goesOn: Bool { !isOver.load(ordering: .relaxed) }
    func end() { isOver.store(true, ordering: .relaxed) }

    /// What serves all of them.
    func node(on connection: any Connection) -> Node {
        // Streams that nobody reads are in hand until they are given up.
        Node("house", on: connection, options: NodeOptions(drainLimit: .seconds(1))) {
            Respond(to: double) { $0 * 2 }
            // Readers that never read are not to have all places for a minute.
            Respond(to: count, options: RespondOptions(readerPatience: .seconds(3))) { limit, writer in
                for number in 0..<min(limit, 10) { try await writer.write(number) }
            }
            Perform(move, options: ActionOptions(policy: .parallel(limit: 1_000))) { goal in
                goal.report(goal.value)
                return goal.value
            }
            Subscribe(to: news) { [self] message in lastNews.withLock { note(message.value, in: &$0) } }
            Consume(from: work) { [self] message in lastWork.withLock { note(message.value, in: &$0) } }
            Subscribe(to: TopicPattern(bulk), options: SubscribeOptions(overflow: .dropOldest, limit: 4)) { _ in
                // It is slow.
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    /// Each comes after the one before, or once more.
    private func note(_ value: Int, in last: inout [Int]) {
        let (peer, number) = (value / Self.step, value % Self.step)
        guard last.indices.contains(peer) else { return }
        #expect(number <= last[peer] + 1, "peer \(peer) said \(number) after \(last[peer])")
        last[peer] = max(last[peer], number)
    }

    /// How far a peer's news and work have come.
    func arrived(of peer: Int) -> (news: Int, work: Int) {
        (lastNews.withLock { $0[peer] }, lastWork.withLock { $0[peer] })
    }

    /// Uses all that the node serves, as long as it goes on. Each answer has to be right.
    ///
    /// - Returns: how many news and how much work it has sent.
    func use(_ connection: any Connection, as peer: Int) async throws -> Int {
        let limit = Duration.seconds(60)
        let guarantee: Guarantee = connection.capabilities.contains(.confirmedPublish) ? .atLeastOnce : .atMostOnce
        var said = 0
        while goesOn {
            said += 1
            let value = peer * Self.step + said
            #expect(try await connection.call(double, value, timeout: limit) == value * 2)
            try await connection.publish(value, to: news, options: PublishOptions(guarantee: guarantee))
            try await connection.send(value, to: work)
            if said % 4 == 1 {
                var elements: [Int] = []
                for try await element in try await connection.stream(count, 10, timeout: limit) {
                    elements.append(element)
                }
                #expect(elements == Array(0..<10))
                let goal = try await connection.send(value, to: move, timeout: limit)
                #expect(try await goal.result == value)
            }
            // Whatever this one answers.
            if said % 8 == 1 { _ = try? await connection.call(trap, value, timeout: .seconds(1)) }
            goods.add(1, ordering: .relaxed)
        }
        return said
    }
}
