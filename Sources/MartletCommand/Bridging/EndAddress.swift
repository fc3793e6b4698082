import Martlet
import MartletBrokers

/// What stands at an end of a bridge: a broker, or what only takes messages.
enum EndAddress: Hashable, Sendable {
    case broker(BrokerAddress)
    case sink(SinkAddress)

    /// The forms there are, for a message that asks for one of them.
    static let known = "\(BrokerAddress.known); \(SinkAddress.known)"

    /// What messages that are published there are able to have.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` if there is something wrong with the URL.
    func capabilities(_ options: ConnectionOptions) throws -> Capabilities {
        switch self {
        case .broker(let address): try address.capabilities(options)
        case .sink(let address): address.capabilities
        }
    }
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
        }
    }
}
