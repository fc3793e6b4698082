import Martlet
import MartletTesting

@testable import MartletMQTT

/// A broker that does not tell by which subscription a message came: what it knows, and what is on its way to and from one
/// client. A pure value.
struct ModelBroker {
    enum Request {
        case subscribe(SubscriptionTable<Int>.Ask, text: String)
        case unsubscribe(text: String)
        case question(Int)
    }

    enum Packet {
        case message(topic: String, body: String, isRetained: Bool)
        case granted(SubscriptionTable<Int>.Ask)
        case ended(text: String)
        case answer(Int)
    }

    /// Whether it sends a message once for each subscription that matches it.
    let sendsCopies: Bool
    private(set) var retained: [String: String] = [:]
    private var subscriptions: [String: TopicPattern] = [:]
    private(set) var requests: [Request] = []
    private(set) var packets: [Packet] = []

    init(sendsCopies: Bool) {
        self.sendsCopies = sendsCopies
    }

    mutating func ask(_ request: Request) { requests.append(request) }

    mutating func publish(_ body: String, to topic: String, retain: Bool) {
        if retain { retained[topic] = body }
        let count = subscriptions.values.count { $0.matches(TopicName(mqtt: topic)) }
        for _ in 0..<(sendsCopies ? count : min(1, count)) {
            packets.append(.message(topic: topic, body: body, isRetained: false))
        }
    }

    /// Deals with what the client has sent first.
    mutating func work(answersFirst: Bool) {
        guard !requests.isEmpty else { return }
        switch requests.removeFirst() {
        case .subscribe(let ask, let text):
            let pattern = TopicPattern(mqtt: text)
            subscriptions[text] = pattern
            if answersFirst { packets.append(.granted(ask)) }
            for (topic, body) in retained.sorted(by: { $0.key < $1.key }) where pattern.matches(TopicName(mqtt: topic))
            {
                packets.append(.message(topic: topic, body: body, isRetained: true))
            }
            if !answersFirst { packets.append(.granted(ask)) }
        case .unsubscribe(let text):
            subscriptions[text] = nil
            packets.append(.ended(text: text))
        case .question(let number):
            packets.append(.answer(number))
        }
    }

    mutating func nextPacket() -> Packet? { packets.isEmpty ? nil : packets.removeFirst() }

    /// The link is lost.
    mutating func cut(keepsSession: Bool) {
        (requests, packets) = ([], [])
        if !keepsSession { subscriptions = [:] }
    }
}
