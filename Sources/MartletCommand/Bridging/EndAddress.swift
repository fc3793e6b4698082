import Martlet
import MartletBrokers

/// What stands at an end of a bridge: a broker, or what only takes messages, or only gives some.
enum EndAddress: Hashable, Sendable {
    case broker(BrokerAddress)
    case sink(SinkAddress)
    case source(SourceAddress)

    /// The forms there are, for a message that asks for one of them.
    static let known = "\(BrokerAddress.known); \(SinkAddress.known); \(SourceAddress.known)"

    /// Reads a URL of what is no broker.
    ///
    /// - Returns: `nil` if it is a broker's, or none.
    /// - Throws: `MessagingError.Code.invalidArgument` with what is wrong with it, also if it can't stand on the side.
    init?(url text: String, on side: BridgeSide) throws {
        let known: EndAddress?
        switch side {
        case .from:
            known = try SourceAddress(url: text).map(EndAddress.source) ?? SinkAddress(url: text).map(EndAddress.sink)
        case .to:
            known = try SinkAddress(url: text).map(EndAddress.sink) ?? SourceAddress(url: text).map(EndAddress.source)
        }
        guard let known else { return nil }
        try known.check(on: side)
        self = known
    }

    /// - Throws: `MessagingError.Code.invalidArgument` for what can't stand on a side.
    func check(on side: BridgeSide) throws {
        switch (self, side) {
        case (.sink, .from):
            throw MessagingError(.invalidArgument, "\(self) only takes messages: it stands second, or at to")
        case (.source, .to):
            throw MessagingError(.invalidArgument, "\(self) only gives messages: it stands first, or at from")
        default: break
        }
    }

    /// What messages that are published there are able to have, or subscriptions.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` if there is something wrong with the URL.
    func capabilities(_ options: ConnectionOptions) throws -> Capabilities {
        switch self {
        case .broker(let address): return try address.capabilities(options)
        case .sink(let address):
            try address.check()
            return address.capabilities
        case .source(let address):
            try address.check()
            return address.capabilities
        }
    }

    /// Whether there are queues.
    var isBroker: Bool { if case .broker = self { true } else { false } }
}

/// Names as people write them there.
extension EndAddress {
    func topic(_ word: String) -> TopicName {
        if case .broker(let address) = self { address.topic(word) } else { TopicName(word) }
    }

    func queue(_ word: String) -> QueueName {
        if case .broker(let address) = self { address.queue(word) } else { QueueName(word) }
    }

    func pattern(_ word: String) -> TopicPattern {
        if case .broker(let address) = self { address.pattern(word) } else { TopicPattern(word) }
    }

    /// A bridge's template as text.
    func template(_ word: String) -> String {
        if case .broker(let address) = self { address.template(word) } else { word }
    }
}

extension EndAddress: CustomStringConvertible {
    /// The URL without its secrets.
    var description: String {
        switch self {
        case .broker(let address): "\(address)"
        case .sink(let address): "\(address)"
        case .source(let address): "\(address)"
        }
    }
}
