import Foundation
import MartletTesting
import Synchronization
import Testing

@testable import Martlet

/// A hundred thousand broken messages of a foreign peer on each pattern, other ones with each run: nothing traps, nothing hangs,
/// every one of them is used or counted, and what comes after them arrives.
///
/// They come as transports hand them on: out of their envelope as far as they have one.
@Suite(.timeLimit(.minutes(10))) struct MutatedEnvelopeTests {
    private static let environment = ProcessInfo.processInfo.environment
    /// Fewer where a sanitizer watches, which takes its time.
    private static let rounds =
        environment["MARTLET_FUZZ"].flatMap(Int.init) ?? (environment["MARTLET_FLOOD"] == nil ? 100_000 : 5_000)
    private static let seed = environment["MARTLET_SEED"].flatMap(UInt64.init) ?? .random(in: 0..<1_000_000_000)

    /// How long whoever asks may wait behind all of them.
    private static let patience = Duration.seconds(300)

    /// Messages that come of mutations of some bytes.
    private struct Mutations {
        let originals: [[UInt8]]
        let use: Envelope.Use
        var random = SplitMix64(seed: MutatedEnvelopeTests.seed)

        init(_ texts: [String], _ use: Envelope.Use) {
            originals = texts.map { Array($0.utf8) }
            self.use = use
        }

        private static let characters = Array(#"{}[]:,"\u0e-.tfn/=19"#.utf8)

        mutating func next() -> Message {
            var bytes = originals.randomElement(using: &random) ?? []
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                guard !bytes.isEmpty else { break }
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<7, using: &random) {
                case 0: bytes[index] = .random(in: .min ... .max, using: &random)
                case 1: bytes.insert(Self.characters.randomElement(using: &random) ?? 0, at: index)
                case 2: bytes.remove(at: index)
                case 3: bytes.removeLast(Int.random(in: 0...min(20, bytes.count), using: &random))
                case 4:
                    let end = min(bytes.count, index + Int.random(in: 1...12, using: &random))
                    bytes.insert(contentsOf: bytes[index..<end], at: Int.random(in: 0...bytes.count, using: &random))
                default: bytes[index] = Self.characters.randomElement(using: &random) ?? 0
                }
            }
            return Envelope.unwrap(bytes, from: use) ?? Message(bytes)
        }
    }

    private static func envelope(_ data: String, replyTo: String = "", properties: String = "{}") -> String {
        #"{"header":{"reply_to":"\#(replyTo)","correlation_id":null,"timestamp":1795225731391319550,"content_type":"json","#
            + #""encoding":"utf8","agent":"commlib","properties":\#(properties)},"data":\#(data)}"#
    }

    private func withConnections(
        _ body: (MemoryBroker, MemoryConnection, MemoryConnection) async throws -> Void
    ) async throws {
        let broker = MemoryBroker()
        let foreign = try await broker.connect(name: "foreign")
        let own = try await broker.connect(name: "own")
        do {
            try await body(broker, foreign, own)
        } catch {
            Issue.record("\(error), with seed \(Self.seed)")
        }
        await foreign.close()
        await own.close()
    }

    // MARK: Topics

    /// Publishes mutations and then what `isLast` is true of. Each must have been read or counted.
    private func publish<Value: Codable & Sendable>(
        _ type: Value.Type,
        _ texts: [String],
        last: Message,
        isLast: (Value) -> Bool
    ) async throws {
        try await withConnections { broker, foreign, own in
            let values = try await own.subscribe(to: Topic<Value>("t"))
            async let published: Void = {
                var mutations = Mutations(texts, .publication)
                for _ in 0..<Self.rounds { try await foreign.publish(mutations.next(), to: "t") }
                try await foreign.publish(last, to: "t")
            }()
            var read = 0
            while let value = try await values.next(), !isLast(value.value) { read += 1 }
            try await published
            #expect(read + own.statistics.undecodable == Self.rounds, "seed \(Self.seed)")
            #expect(read > 0 && own.statistics.undecodable > 0, "seed \(Self.seed)")
        }
    }

    @Test func publications() async throws {
        let body = #"{"target":5}"#
        try await publish(
            Move.self,
            [
                body, Self.envelope(body, replyTo: "x"),
                Self.envelope(body, properties: #"{"a":1,"content_type":"json"}"#),
            ],
            last: Message(#"{"target":-77}"#)
        ) { $0.target == -77 }
    }

    @Test func heartbeats() async throws {
        try await publish(Heartbeat.self, [#"{"ts":1795225863654250850}"#], last: Message(#"{"ts":-77}"#)) {
            $0.timestamp == -77
        }
    }

    @Test func events() async throws {
        let event =
            #"{"header":{"msg_id":7,"node_id":"n1","agent":"commlib-py","timestamp":1795225872665079907,"#
            + #""properties":{"a":1}},"payload":{"target":1}}"#
        let older = #"{"name":"Moved","uri":"t","description":"","data":{"target":2}}"#
        try await publish(
            Event<Move>.self,
            [event, older],
            last: Message(#"{"name":"last","payload":{"target":-77}}"#)
        ) { $0.payload.target == -77 }
    }

    // MARK: Calls

    @Test func requests() async throws {
        try await withConnections { broker, foreign, own in
            let answered = Shared(0)
            try await withBackground {
                try await own.respond(to: RPC<Move, Reached>("ops.move")) { request in
                    answered.withLock { $0 += 1 }
                    return Reached(position: request.target)
                }
            } _: {
                try await broker.waitForConsumers(of: "ops.move")
                var mutations = Mutations([Self.envelope(#"{"target":5}"#, replyTo: "rpc-1")], .call)
                var taken = 0
                for _ in 0..<Self.rounds {
                    // What a caller's cancellation would be meant by, it is not.
                    try await foreign.send(mutations.next(), to: "ops.move")
                    taken += 1
                }
                let rpc = RPC<Move, Reached>("ops.move")
                let reached = try await foreign.call(rpc, Move(target: 9), timeout: Self.patience)
                #expect(reached.position == 9, "seed \(Self.seed)")
            }
            // Every request was handled, could not be read, or could not have been answered; a few were the same as one
            // that was still at work.
            let counted = own.statistics.undecodable + own.statistics.unanswerable
            let handled = answered.withLock { $0 } - 1
            #expect(counted > 0 && handled > 0, "seed \(Self.seed)")
            #expect(handled + counted <= Self.rounds, "seed \(Self.seed)")
        }
    }

    /// Replies of a service that answers anything at all: each call ends.
    @Test func replies() async throws {
        try await withConnections { broker, foreign, own in
            let texts = [Self.envelope(#"{"position":5}"#), #"{"header":{},"data":{"position":5}}"#]
            let mutations = Mutex(Mutations(texts, .call))
            try await withBackground {
                try await foreign.respond(to: "ops.move") { _ in mutations.withLock { $0.next() } }
            } _: {
                try await broker.waitForConsumers(of: "ops.move")
                let rpc = RPC<Move, Reached>("ops.move")
                var ends: [String: Int] = [:]
                for _ in 0..<Self.rounds {
                    do {
                        _ = try await own.call(rpc, Move(target: 1), timeout: .seconds(30))
                        ends["response", default: 0] += 1
                    } catch let error as MessagingError {
                        ends[error.code.rawValue, default: 0] += 1
                    }
                }
                #expect(ends[MessagingError.Code.timeout.rawValue] == nil, "seed \(Self.seed): \(ends)")
                #expect(ends.values.reduce(0, +) == Self.rounds)
                #expect(ends.count > 1 && own.statistics.callsInFlight == 0, "seed \(Self.seed): \(ends)")
            }
        }
    }

    // MARK: Actions

    @Test(arguments: ["send_goal", "cancel_goal", "get_result"])
    func actionRequests(kind: String) async throws {
        try await withConnections { broker, foreign, own in
            try await withBackground {
                try await own.perform(move, options: ActionOptions(policy: .parallel(limit: 4))) { goal in
                    Reached(position: goal.value.target)
                }
            } _: {
                try await broker.waitForConsumers(of: "arm.move.send_goal")
                let queue = QueueName("arm.move.\(kind)")
                var mutations = Mutations(
                    [
                        Self.envelope(#"{"description":"","goal_data":{"target":3}}"#, replyTo: "rpc-1"),
                        Self.envelope(#"{"goal_id":"abc","timestamp":1795225863654250850}"#, replyTo: "rpc-2"),
                        Self.envelope(
                            #"{"goal_id":"abc","goal_data":{"target":3}}"#,
                            replyTo: "rpc-3",
                            properties: #"{"goal-id":"abc","goal-deadline":5,"goal-accept-by":7,"timeout":1000}"#
                        ),
                    ],
                    .call
                )
                for _ in 0..<Self.rounds { try await foreign.send(mutations.next(), to: queue) }
                // One that is whole is performed, as soon as there is room for it.
                var reached: Reached?
                while reached == nil {
                    do {
                        reached = try await foreign.send(Move(target: 9), to: move, timeout: Self.patience).result
                    } catch let error as MessagingError where error.code == .goalRejected {
                        continue
                    }
                }
                #expect(reached?.position == 9, "seed \(Self.seed)")
                #expect(own.statistics.undecodable > 0 && own.statistics.unanswerable > 0, "seed \(Self.seed)")
            }
        }
    }

    /// What is said of goals while a client follows one.
    @Test func actionTopics() async throws {
        try await withConnections { broker, foreign, own in
            let server = try await broker.connect(name: "server")
            let gate = Gate()
            try await withBackground {
                try await server.perform(move) { goal in
                    try await gate.wait()
                    try await goal.deliver(Progress(current: -77))
                    return Reached(position: 7)
                }
            } _: {
                try await broker.waitForConsumers(of: "arm.move.send_goal")
                let goal = try await own.send(Move(target: 1), to: move)
                let id = goal.id.text
                var status = Mutations(
                    [#"{"goal_id":"\#(id)","status":2}"#, #"{"goal_id":"x","status":"5"}"#],
                    .publication
                )
                var feedback = Mutations(
                    [
                        #"{"feedback_data":{"current":3},"goal_id":"\#(id)"}"#,
                        Self.envelope(#"{"feedback_data":{"current":4},"goal_id":"\#(id)"}"#, replyTo: "x"),
                    ],
                    .publication
                )
                async let published: Void = {
                    for _ in 0..<Self.rounds {
                        // A mutation may say that the goal has ended, and a client that is told so by a status believes it.
                        let message = status.next()
                        if message.text?.contains("2") ?? true {
                            try await foreign.publish(message, to: "arm.move.status")
                        }
                        try await foreign.publish(feedback.next(), to: "arm.move.feedback")
                    }
                    gate.open()
                }()
                var reports = 0
                for try await report in goal.feedback where report.current != -77 { reports += 1 }
                let result = try await goal.result
                try await published
                #expect(result == Reached(position: 7), "seed \(Self.seed)")
                #expect(reports > 0 && own.statistics.undecodable > 0, "seed \(Self.seed)")
            }
            await server.close()
        }
    }

    // MARK: Control

    @Test func control() async throws {
        try await withConnections { broker, foreign, own in
            let node = Node("arm", on: own, options: NodeOptions(heartbeat: nil, remoteControl: true)) {}
            try await node.whileRunning {
                try await broker.waitForConsumers(of: "arm.start")
                var mutations = Mutations([Self.envelope("{}", replyTo: "rpc-1")], .call)
                for _ in 0..<Self.rounds {
                    let message = mutations.next()
                    try await foreign.send(message, to: "arm.health")
                }
                let health = try await foreign.call("arm.health", Message("{}"), timeout: Self.patience)
                #expect(health.body.count > 2, "seed \(Self.seed)")
                #expect(own.statistics.unanswerable > 0, "seed \(Self.seed)")
            }
        }
    }
}
