import Logging
import Martlet

extension ConformanceSuite {
    private struct ControlAnswer: Codable, Sendable, Hashable {
        var status: Int
        var error: String
    }

    /// Nodes: what they say of themselves, how others control them, and how they end.
    public static let nodes: [ConformanceCheck] = [
        ConformanceCheck("a node says that it is alive, and when", tolerates: .all) { environment in
            let reader = try await environment.connect(at: .sink)
            let connection = try await environment.connectQuietly()
            let topic = Topic<Heartbeat>(environment.topic("node.heartbeat"))
            // The link may be down at this very moment.
            let beats = try await environment.retrying { try await reader.subscribe(to: topic) }
            let options = NodeOptions(heartbeat: .every(.milliseconds(5)))
            let node = Node(environment.topic("node").text, on: connection, options: options) {}
            let minute: Int64 = 60_000_000_000
            let begin = Heartbeat().timestamp - minute
            try await environment.running(node) {
                for _ in 0..<3 {
                    let beat = try await beats.next()?.value.timestamp ?? 0
                    let end = Heartbeat().timestamp + minute
                    try environment.expect(
                        (begin...end).contains(beat),
                        "a time from \(begin) to \(end)",
                        actual: "it was \(beat)"
                    )
                }
            }
        },

        ConformanceCheck(
            "a node is stopped and started by others",
            crosses: [.calls("node.start"), .calls("node.stop"), .calls("echo")],
            tolerates: [.delay, .duplicate, .reorder]
        ) { environment in
            let peer = try await environment.connect()
            let connection = try await environment.connectQuietly(at: .sink)
            let echo = RPC<Int, Int>(environment.queue("echo"))
            let options = NodeOptions(heartbeat: nil, remoteControl: true)
            let node = Node(environment.topic("node").text, on: connection, options: options) {
                Respond(to: echo) { $0 }
            }
            func ask(_ procedure: String) async throws -> ControlAnswer {
                // Once, whatever happens: a second request would find the node in the state that the first one asked
                // for.
                let rpc = RPC<[String: Int], ControlAnswer>(environment.queue("node.\(procedure)"))
                return try await peer.call(rpc, [:])
            }
            let done = ControlAnswer(status: 0, error: "")
            try await environment.running(node) {
                for round in 0..<3 {
                    try await environment.expect(peer.call(echo, round), equals: round, "the response")
                    try await environment.expect(ask("start").status, equals: 1, "the answer of a node that runs")
                    try await environment.expect(ask("stop"), equals: done, "the answer")
                    try environment.expect(node.state, equals: .stopped, "the node's state")
                    try await environment.expect(ask("stop").status, equals: 1, "the answer of a stopped node")
                    try await environment.expect(ask("start"), equals: done, "the answer")
                    try environment.expect(node.state, equals: .running, "the node's state")
                }
                try await environment.expect(peer.call(echo, 9), equals: 9, "the response")
            }
        },

        ConformanceCheck(
            "a stopped node does not answer calls",
            crosses: [.calls("echo")],
            requires: .responderDetection,
            tolerates: reliableFaults
        ) { environment in
            let peer = try await environment.connect()
            let connection = try await environment.connectQuietly(at: .sink)
            let echo = RPC<Int, Int>(environment.queue("echo"))
            let node = Node(environment.topic("node").text, on: connection, options: NodeOptions(heartbeat: nil)) {
                Respond(to: echo) { $0 }
            }
            try await environment.running(node) {
                try await environment.expect(peer.call(echo, 1), equals: 1, "the response")
                try await node.stop()
                try await environment.expect(.noResponder, from: "a call of a stopped node") {
                    try await callUntilAnswered(echo, on: peer)
                }
                try await node.start()
                try await environment.expect(peer.call(echo, 3), equals: 3, "the response")
            }
            try await environment.expect(.noResponder, from: "a call of a node that has ended") {
                try await callUntilAnswered(echo, on: peer)
            }
        },

        ConformanceCheck(
            "a node says whether it is online, also to who comes later",
            requires: .retain,
            tolerates: .delay
        ) {
            environment in
            let peer = try await environment.connect(at: .sink)
            let connection = try await environment.connectQuietly()
            let topic = environment.topic("node.online")
            let early = try await peer.subscribe(to: TopicPattern(topic))
            let options = NodeOptions(heartbeat: nil, online: .standard)
            let node = Node(environment.topic("node").text, on: connection, options: options) {}
            try await environment.running(node) {
                try await environment.expect(early.texts(1), equals: ["1"], "what a node says that has started")
                let late = try await peer.subscribe(to: TopicPattern(topic))
                try await environment.expect(late.texts(1), equals: ["1"], "what is kept of a node that runs")
            }
            try await environment.expect(early.texts(1), equals: ["0"], "what a node says that has ended")
            let late = try await peer.subscribe(to: TopicPattern(topic))
            try await environment.expect(late.texts(1), equals: ["0"], "what is kept of a node that has ended")
            try await connection.publish(Message(), to: topic, options: PublishOptions(retain: true))
        },

        ConformanceCheck("a node whose link is lost is offline until it is back", requires: .retain, cutsLinks: true) {
            environment in
            let peer = try await environment.connect(at: .sink)
            let topic = environment.topic("node.online")
            let name = environment.topic("node").text
            let will = Node.will(for: name)
            let connection = try await environment.connectCuttable(
                ConnectionOptions(will: will, logger: ConformanceEnvironment.silence)
            )
            let said = try await peer.subscribe(to: TopicPattern(topic))
            let node = Node(name, on: connection, options: NodeOptions(heartbeat: nil, online: .standard)) {}
            try await environment.running(node) {
                try await environment.expect(said.texts(1), equals: ["1"], "what a node says that has started")
                try await environment.interrupt(connection) {
                    try await environment.expect(said.texts(1), equals: ["0"], "what the broker says of a lost node")
                }
                try await environment.expect(said.texts(1), equals: ["1"], "what a node says that is back")
            }
            try await environment.expect(said.texts(1), equals: ["0"], "what a node says that has ended")
            try await connection.publish(Message(), to: topic, options: PublishOptions(retain: true))
        },

        ConformanceCheck("what a node logs is read elsewhere, in order, to its last word") { environment in
            let reader = try await environment.connect(at: .sink)
            let connection = try await environment.connectQuietly()
            let entries = try await reader.subscribe(to: Topic<LogEntry>(environment.topic("node.logs")))
            let options = NodeOptions(heartbeat: nil, device: "robot", log: .from(.debug))
            let node = Node(environment.topic("node").text, on: connection, options: options) { Counting(to: 100) }
            var read: [LogEntry] = []
            try await environment.running(node) { read += try await Self.entries(entries, to: "99") }
            read += try await Self.entries(entries, to: "the node has ended")
            let isHeard = read.contains { $0.message == "the node runs" }
            try environment.expect(isHeard, "the node's own words", actual: "none came")
            let counted = read.filter { $0.metadata["component"] == "Counting" }
            try environment.expect(counted.map(\.message), equals: (0..<100).map(String.init), "what was counted")
            try environment.expect(counted.first?.level, equals: .debug, "the level")
            try environment.expect(counted.first?.metadata["device"], equals: "robot", "the device")
            try environment.expect(read.allSatisfy { $0.dropped == 0 }, "none to be dropped", actual: "one was")
        },

        ConformanceCheck(
            "a component that fails ends its node, with its error",
            crosses: .not("nothing is sent"),
            tolerates: .all
        ) { environment in
            let connection = try await environment.connectQuietly()
            let ended = Recorder<Void>()
            let node = Node(environment.topic("node").text, on: connection) {
                Respond(to: RPC<Int, Int>(environment.queue("echo"))) { $0 }
                Execute("bad", restart: .never) { throw MessagingError("conformance.broken", "axle 2 is broken") }
                Execute("good", restart: .never) {
                    defer { ended.signal() }
                    try await Task.sleep(for: .seconds(60))
                }
            }
            let error = try await environment.expect("conformance.broken", from: "the node") { try await node.run() }
            try environment.expect(error.message, equals: "axle 2 is broken", "the error's text")
            try environment.expect(node.state, equals: .exited, "the node's state")
            try environment.expect(node.health["bad"]?.state, equals: .failed, "the component's state")
            try environment.expect(node.health["good"]?.state != .running, "the others to end", actual: "one goes on")
        },

        ConformanceCheck(
            "a node that is stopped finishes the calls in hand",
            crosses: [.calls("slow")],
            tolerates: reliableFaults
        ) {
            environment in
            let peer = try await environment.connect()
            let connection = try await environment.connectQuietly(at: .sink)
            let slow = RPC<Int, Int>(environment.queue("slow"))
            let begun = Recorder<Void>()
            let release = Recorder<Void>()
            let node = Node(environment.topic("node").text, on: connection, options: NodeOptions(heartbeat: nil)) {
                Respond(to: slow) { number in
                    begun.signal()
                    try await release.wait(for: 1)
                    return number
                }
            }
            try await environment.running(node) {
                let call = Task { try await peer.call(slow, 7, timeout: .seconds(20)) }
                try await begun.wait(for: 1)
                let stopping = Task { try await node.stop() }
                try await environment.eventually { node.state == .stopping }
                release.signal()
                try await environment.expect(call.value, equals: 7, "the response")
                try await stopping.value
                try environment.expect(node.state, equals: .stopped, "the node's state")
            }
        },

        ConformanceCheck(
            "a node that is stopped finishes the delivery in hand and gives the others back",
            crosses: [.queue("jobs")],
            requires: .redelivery,
            tolerates: .delay
        ) { environment in
            let (peer, other) = try await environment.connectBoth()
            let connection = try await environment.connectQuietly(at: .sink)
            let queue = environment.queue("jobs")
            let begun = Recorder<String>()
            let release = Recorder<Void>()
            let node = Node(environment.topic("node").text, on: connection, options: NodeOptions(heartbeat: nil)) {
                Consume(from: queue) { delivery in
                    begun.record(delivery.message.text ?? "")
                    try await release.wait(for: 1)
                }
            }
            try await environment.running(node) {
                for number in 0..<4 { try await peer.send(Message("\(number)"), to: queue) }
                try await begun.wait(for: 1)
                let stopping = Task { try await node.stop() }
                try await environment.eventually { node.state == .stopping }
                release.signal()
                try await stopping.value
            }
            // Between the stop and its coming to the consumer the next one may have been begun.
            let handled = begun.values.count
            let rest = try await other.consume(from: queue).texts(4 - handled)
            // The last ones may never have left the queue, and the peer have them before it has those that were given
            // back.
            try environment.expect(begun.values + rest.sorted(), equals: (0..<4).map(String.init), "what both handle")
        },
    ]

    /// The records that come, to one that says something.
    private static func entries(_ log: TypedSubscription<LogEntry>, to message: String) async throws -> [LogEntry] {
        var entries: [LogEntry] = []
        while entries.last?.message != message, let entry = try await log.next() { entries.append(entry.value) }
        return entries
    }

    /// A call that was on its way to the node when its responder went may be lost; the next one is not.
    private static func callUntilAnswered(_ rpc: RPC<Int, Int>, on peer: any Connection) async throws {
        while true {
            do {
                _ = try await peer.call(rpc, 0, timeout: .seconds(2))
                return
            } catch let error as MessagingError where error.code == .timeout {
                continue
            }
        }
    }
}

/// Logs numbers, and lives on.
private struct Counting: Component {
    let end: Int

    init(to end: Int) { self.end = end }

    func run(in context: NodeContext) async throws {
        for number in 0..<end { context.logger.debug("\(number)") }
        try await Task.sleep(for: .seconds(600))
    }
}
