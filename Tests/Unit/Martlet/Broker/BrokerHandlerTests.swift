import Martlet
import MartletTesting
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(10))) struct BrokerHandlerTests {
    /// A broker with rules of its own: it keeps a journal, stamps, reroutes, refuses, answers.
    struct House: BrokerHandler {
        let journal: Journal

        mutating func connects(_ client: BrokerClient, actions: inout BrokerActions) -> BrokerRuling<Void> {
            journal.add("connects \(client.name)")
            return client.name == "burglar" ? .refuse("we know you") : .accept
        }

        mutating func dispatches(
            _ dispatch: BrokerDispatch,
            from client: BrokerClient,
            actions: inout BrokerActions
        ) -> BrokerRuling<BrokerDispatch> {
            journal.add("dispatches \(dispatch.destination) from \(client.name)")
            var dispatch = dispatch
            switch dispatch.destination {
            case .topic("secret", _):
                return .refuse("secrets stay here")
            case .topic("alarm", _):
                actions.dispatch(Message("call"), to: .queue("police"))
                actions.dispatch(dispatch.message, to: .topic("siren", retain: true))
                return .accept
            case .topic("old", let retain):
                dispatch.destination = .topic("new", retain: retain)
                return .change(dispatch)
            case .queue("stamped"):
                dispatch.message.headers["from"] = .string(client.name)
                return .change(dispatch)
            default:
                return .accept
            }
        }

        mutating func subscribes(
            to pattern: TopicPattern,
            _ client: BrokerClient,
            actions: inout BrokerActions
        ) -> BrokerRuling<TopicPattern> {
            switch pattern {
            case "#": .refuse("not everything")
            case "mine": .change(TopicPattern("home.\(client.name)"))
            default: .accept
            }
        }

        mutating func consumes(
            from queue: QueueName,
            _ client: BrokerClient,
            actions: inout BrokerActions
        ) -> BrokerRuling<QueueName> {
            queue == "private" ? .refuse("private") : .accept
        }

        mutating func settles(
            _ message: Message,
            from queue: QueueName,
            as disposition: Disposition,
            _ client: BrokerClient,
            actions: inout BrokerActions
        ) -> BrokerRuling<Disposition> {
            journal.add("settles \(message.text ?? "") as \(disposition)")
            return message.text == "again" && disposition == .ack ? .change(.requeue) : .accept
        }

        mutating func disconnects(_ client: BrokerClient, inOrder: Bool, actions: inout BrokerActions) {
            journal.add("disconnects \(client.name) \(inOrder ? "in order" : "lost")")
        }
    }

    final class Journal: Sendable {
        private let lines = Mutex<[String]>([])
        func add(_ line: String) { lines.withLock { $0.append(line) } }
        var all: [String] { lines.withLock { $0 } }
    }

    let journal = Journal()
    var broker: MemoryBroker { MemoryBroker(handler: House(journal: journal)) }

    @Test func itSeesConnectsAndDisconnects() async throws {
        let broker = broker
        let error = await #expect(throws: MessagingError.self) { try await broker.connect(name: "burglar") }
        #expect(error?.code == .refused)
        #expect(error?.message.contains("we know you") == true)
        let a = try await broker.connect(name: "a")
        let b = try await broker.connect(name: "b")
        a.cut()
        await b.close()
        #expect(
            journal.all == [
                "connects burglar", "connects a", "connects b", "disconnects a lost", "disconnects b in order",
            ]
        )
        #expect(broker.statistics.refused == 1)
        #expect(broker.presence.clients.isEmpty)
    }

    /// Each time a client is gone the handler is told so once, however often it is cut, closed and dropped.
    @Test func itIsToldOnceThatAClientIsGone() async throws {
        let broker = broker
        do {
            let cut = try await broker.connect(name: "cut")
            cut.cut()
            cut.cut()
            await cut.close()
            await cut.close()
            let closed = try await broker.connect(name: "closed")
            await closed.close()
            let dropped = try await broker.connect(name: "dropped")
            withExtendedLifetime(dropped) {}
            let back = try await broker.connect(name: "back")
            back.cut()
            back.restore()
            await back.close()
            back.restore()
        }
        #expect(
            journal.all == [
                "connects cut", "disconnects cut lost",
                "connects closed", "disconnects closed in order",
                "connects dropped",
                "connects back", "disconnects back lost", "connects back", "disconnects back in order",
                "disconnects dropped in order",
            ]
        )
    }

    @Test func itMayRefuseChangeRerouteAndAdd() async throws {
        let broker = broker
        let a = try await broker.connect(name: "a")
        let new = try await a.subscribe(to: "new")
        let siren = try await a.subscribe(to: "siren")
        let police = try await a.consume(from: "police")
        let stamped = try await a.consume(from: "stamped")
        #expect(await errorCode { try await a.publish(Message(), to: "secret") } == .refused)
        try await a.publish(Message("moved"), to: "old")
        #expect(try await new.next()?.message.text == "moved")
        try await a.publish(Message("fire"), to: "alarm")
        #expect(try await siren.next()?.message.text == "fire")
        #expect(try await police.next()?.message.text == "call")
        try await a.send(Message(), to: "stamped")
        #expect(try await stamped.next()?.message.headers["from"] == "a")
    }

    @Test func itRulesOnInterestsAndSettlements() async throws {
        let broker = broker
        let a = try await broker.connect(name: "a")
        #expect(await errorCode { _ = try await a.subscribe(to: "#") } == .refused)
        #expect(await errorCode { _ = try await a.consume(from: "private") } == .refused)
        let mine = try await a.subscribe(to: "mine")
        try await a.publish(Message("x"), to: "home.a")
        #expect(try await mine.next()?.topic == "home.a")
        let jobs = try await a.consume(from: "jobs")
        try await a.send(Message("again"), to: "jobs")
        try await jobs.next()?.ack()
        let again = try #require(try await jobs.next())
        #expect(again.redeliveries == 1)
        try again.nack(requeue: false)
        #expect(journal.all.filter { $0.hasPrefix("settles") } == ["settles again as ack", "settles again as reject"])
    }
}
