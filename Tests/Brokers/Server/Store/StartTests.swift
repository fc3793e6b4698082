import Foundation
import IntegrationSupport
import Martlet
import MartletMQTTWire
import Testing

@testable import MartletServer

/// A broker that begins with a store of much. How much says the environment, so that a larger one can be made, kept and measured:
///
///     MARTLET_START_RETAINED=100000 MARTLET_START_SESSIONS=10000 MARTLET_START_QUEUED=1000000 MARTLET_START_FOLDER=/tmp/start
@Suite(.timeLimit(.minutes(20))) struct StartTests {
    private static func size(_ name: String, _ few: Int) -> Int {
        ProcessInfo.processInfo.environment["MARTLET_START_\(name)"].flatMap { Int($0) } ?? few
    }

    private static let retained = size("RETAINED", 500)
    private static let sessions = size("SESSIONS", 100)
    private static let queued = size("QUEUED", 3_000)
    /// One message in so many is a queue's, the others are sessions'.
    private static let queuesShare = 10
    /// Of so many, the others waiting, one is on its way to its client.
    private static let flightShare = 10

    /// Fills a log as a broker does: sessions that subscribe, messages that come for all of them in turn, some of them sent.
    private static func fill(_ path: String) throws {
        var contents: StoreContents?
        let clock = WallTime(.zero, is: 0)
        var log = try StoreLog(path, isForced: false, StoreImage(SessionLimits(), clock), contents: &contents)
        var writer = EntryWriter(clock)
        let now = WallClock.nanoseconds
        var message: UInt64 = 0
        func publication(_ topic: String, _ qos: QoS = .atLeastOnce) -> Publication {
            message += 1
            let publication = Publication(topic: topic, payload: Array("\(message)".utf8), qos: qos)
            writer.message(message, publication)
            return publication
        }
        func append(_ isLast: Bool = false) throws {
            if isLast || writer.bytes.count > 64 << 10 { try log.append(writer.take(), time: now) }
        }
        for number in 0..<retained {
            _ = publication("house/\(number % 100)/\(number)/state")
            writer.kept(message)
            try append()
        }
        for number in 0..<sessions {
            let filters = ["device/\(number)/#", "$share/martlet/jobs/\(number)"]
            writer.session(number, "client-\(number)", BrokerClient(id: number, name: "client-\(number)"))
            writer.change(.connected(expiry: .seconds(1 << 20), will: nil), of: number, message: 0)
            for (index, filter) in filters.enumerated() {
                let entry = SubscribeRequest.Entry(filter, qos: .exactlyOnce)
                let subscription = ServerSession.Subscription(number: index + 1, entry: entry, identifier: nil)
                writer.change(.subscribed(subscription), of: number, message: 0)
            }
            writer.change(
                .left(at: .nanoseconds(now), expiry: .seconds(1 << 20), hasWill: false),
                of: number,
                message: 0
            )
            try append()
        }
        let match = Match(qos: .exactlyOnce)
        var tag: UInt64 = 0
        for number in 0..<queued {
            let (session, turn) = (number % sessions, UInt64(number / sessions + 1))
            if number % queuesShare == 0 {
                let wire = publication("jobs/\(session)", .exactlyOnce)
                let queued = QueuedMessage(
                    Message(wire, now: .zero),
                    number: UInt64(number + 1),
                    expiresAt: nil,
                    origin: wire
                )
                writer.enqueued(queued, in: QueueName(TopicName(mqtt: wire.topic)), message: message)
                if number % (queuesShare * flightShare) == 0 {
                    tag += 1
                    writer.assigned(UInt64(number + 1), tag: tag)
                    let delivery = Match(qos: .exactlyOnce, delivery: tag)
                    let id = UInt16(truncatingIfNeeded: 10_000 + turn)
                    writer.change(.inFlight(id, wire, delivery, .exactlyOnce), of: session, message: message)
                }
            } else {
                let wire = publication("device/\(session)/state")
                writer.change(.queued(turn, wire, match, .atLeastOnce), of: session, message: message)
                if number % flightShare == 1 {
                    writer.change(.sent(turn, UInt16(truncatingIfNeeded: turn)), of: session, message: 0)
                }
            }
            try append()
        }
        try append(true)
    }

    @Test func allIsThere() async throws {
        var store = try StoreFixture()
        let kept = ProcessInfo.processInfo.environment["MARTLET_START_FOLDER"]
        let path = kept ?? store.path
        try Self.fill(path)
        if kept != nil { return }
        store.settings.compactionBytes = 0
        let inQueues = (Self.queued + Self.queuesShare - 1) / Self.queuesShare
        // From the log, and from the snapshot that is made of it.
        for round in 0..<2 {
            var options = MemoryBroker.Options()
            (options.retainedTopics, options.queues) = (Self.retained, Self.sessions)
            let broker = MemoryBroker(options: options)
            var limits = ServerLimits()
            limits.queuedMessages = Self.queued
            try await store.withServer(broker, limits: limits) { server, port in
                #expect(broker.keptCount == Self.retained)
                #expect(server.statistics.sessions == Self.sessions)
                let presence = broker.presence
                #expect(presence.queues.reduce(0) { $0 + $1.waiting + $1.unsettled } == inQueues)
                let dump = try StoreDump(folder: store.path)
                #expect(
                    dump.queuedCount == Self.queued - inQueues
                        + dump.sessions.reduce(0) { sum, session in
                            sum + session.inFlight.count { $0.message?.topic?.hasPrefix("jobs/") == true }
                        }
                )
                // Whoever comes gets what is its own.
                let name = "client-\(Self.sessions - 1 - round)"
                let (client, isPresent) = try await WireClient.kept(port, name, expiry: 1 << 20)
                #expect(isPresent)
                guard case .publish(let first) = try await client.receive() else { throw ServerError("No message") }
                #expect(first.topic.hasPrefix("device/") || first.topic.hasPrefix("jobs/"))
                let writer = try await WireClient.connected(port, "writer")
                try await writer.publishSurely("x", to: "unheard", retain: false)
            }
        }
    }
}
