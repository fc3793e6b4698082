import Synchronization
import Testing

@testable import Martlet

/// Sessions of clients on a network, as far as the broker's core has to do with them.
@Suite(.timeLimit(.minutes(10))) struct SessionHostTests {
    private final class Host: SessionHost {
        let got = Mutex<[String]>([])
        let handedOver = Mutex(0)

        func deliver(_ publication: BrokerPublication, to recipients: [Recipient]) {
            got.withLock { got in
                for recipient in recipients {
                    got.append(
                        "\(publication.topic)=\(publication.message.text ?? "") to \(recipient.client):\(recipient.number)"
                    )
                }
            }
        }

        func assign(_ publication: BrokerPublication, tag: UInt64, to recipient: Recipient) -> Disposition? {
            got.withLock {
                $0.append("\(publication.topic)=\(publication.message.text ?? "") #\(tag) to \(recipient.client)")
            }
            return nil
        }

        func record(_ changes: [BrokerChange]) {
            got.withLock { got in
                for change in changes {
                    switch change {
                    case .kept(let publication):
                        got.append("\(publication.topic) keeps \(publication.message.text ?? "")")
                    case .cleared(let topic): got.append("\(topic) keeps nothing")
                    case .queued(let queued, let queue):
                        got.append("\(queue) has \(queued.number) \(queued.message.text ?? "")")
                    case .assigned(let number, let tag): got.append("\(number) is #\(tag)")
                    case .taken(let number): got.append("\(number) is taken")
                    }
                }
            }
        }

        func handOver() { handedOver.withLock { $0 += 1 } }

        func take() -> [String] {
            got.withLock { got in
                defer { got = [] }
                return got.sorted()
            }
        }
    }

    private let broker = MemoryBroker()
    private let host = Host()

    init() throws { try broker.attach(host) }

    private func enter(_ number: Int, _ name: String) {
        broker.enter { state in
            broker.enterSession(number, BrokerClient(id: number, name: name, address: "::1"), prefetch: 1, &state)
        }
    }

    private func subscribe(_ client: Int, _ number: Int, to pattern: TopicPattern, group: String? = nil) {
        broker.enter { state in
            broker.subscribeSession(Recipient(client: client, number: number), to: pattern, group: group, &state)
        }
    }

    @Test func messagesGoToSessionsAlsoWhileTheirClientsAreAbsent() async throws {
        let local = try await broker.connect(name: "local")
        enter(100, "one")
        subscribe(100, 1, to: "a.*")
        try await local.publish(Message("x"), to: "a.b")
        #expect(host.take() == ["a.b=x to 100:1"])
        // What is to be written is written when the lock is free.
        #expect(host.handedOver.withLock { $0 } == 1)
        #expect(broker.presence.clients.map(\.client.name) == ["local", "one"])
        broker.enter { broker.leaveSession(100, inOrder: true, &$0) }
        #expect(broker.presence.clients.map(\.client.name) == ["local"])
        try await local.publish(Message("y"), to: "a.b")
        #expect(host.take() == ["a.b=y to 100:1"])
        enter(100, "one")
        broker.enter { broker.unsubscribeSession(Recipient(client: 100, number: 1), &$0) }
        try await local.publish(Message("z"), to: "a.b")
        #expect(host.take() == [])
        subscribe(100, 2, to: "#")
        broker.enter { broker.endSession(100, &$0) }
        try await local.publish(Message("z"), to: "a.b")
        #expect(host.take() == [])
        // With its number went no subscription of somebody else's.
        #expect(broker.presence.clients.map(\.client.name) == ["local"])
    }

    @Test func absentMembersOfAGroupHaveNoTurnWhileOthersAreThere() async throws {
        let local = try await broker.connect(name: "local")
        for number in [100, 200] {
            enter(number, "\(number)")
            subscribe(number, 1, to: "a", group: "g")
        }
        for _ in 0..<4 { try await local.publish(Message("x"), to: "a") }
        #expect(host.take() == ["a=x to 100:1", "a=x to 100:1", "a=x to 200:1", "a=x to 200:1"])
        broker.enter { broker.leaveSession(100, inOrder: false, &$0) }
        for _ in 0..<2 { try await local.publish(Message("x"), to: "a") }
        #expect(host.take() == ["a=x to 200:1", "a=x to 200:1"])
        broker.enter { broker.leaveSession(200, inOrder: false, &$0) }
        for _ in 0..<2 { try await local.publish(Message("x"), to: "a") }
        #expect(host.take() == ["a=x to 100:1", "a=x to 200:1"])
    }

    @Test func whatIsKeptCanBeAskedFor() async throws {
        let local = try await broker.connect(name: "local")
        let options = PublishOptions(guarantee: .exactlyOnce, retain: true, expiry: .seconds(100))
        for name in ["a.1", "a.2", "b"] { try await local.publish(Message("x"), to: TopicName(name), options: options) }
        let (topics, kept) = broker.enter { state in
            (
                broker.keptTopics(of: "a.#", &state),
                broker.keptMessage(for: "b", now: broker.now, &state)
            )
        }
        #expect(Set(topics) == ["a.1", "a.2"])
        #expect(kept?.guarantee == .exactlyOnce)
        #expect(kept?.expiresAt != nil)
        let later = broker.enter { broker.keptMessage(for: "b", now: broker.now + .seconds(101), &$0) }
        #expect(later == nil)
    }

    @Test func aSessionsMessageReachesThisProcess() async throws {
        let local = try await broker.connect(name: "local")
        let inbox = try await local.subscribe(to: "a", options: SubscribeOptions(limit: 1))
        let client = BrokerClient(id: 100, name: "one")
        enter(100, "one")
        func publish(_ text: String) -> MemoryBroker.Published {
            broker.enter { broker.publish(BrokerPublication(Message(text), to: "a", retain: false), from: client, &$0) }
        }
        guard case .delivered(1) = publish("1"), case .heldBack(let held) = publish("2") else {
            Issue.record("the mailbox has no bound")
            return
        }
        #expect(try await inbox.next()?.message.text == "1")
        for message in held { try await message.waitUntilAdmitted() }
        #expect(try await inbox.next()?.message.text == "2")
        guard
            case .delivered(0) = broker.enter({
                broker.publish(BrokerPublication(Message("3"), to: "b", retain: false), from: client, &$0)
            })
        else {
            Issue.record("somebody hears a topic that nobody subscribes to")
            return
        }
    }

    @Test func aBrokerHasOneHost() {
        #expect(throws: MessagingError.self) { try broker.attach(Host()) }
        broker.detachHost()
        #expect(throws: Never.self) { try broker.attach(Host()) }
    }
}
