import Martlet

/// A message on its way out.
struct Outgoing: Sendable {
    /// By which channel it leaves.
    enum Origin: Sendable, Hashable {
        /// That of the verbs.
        case verbs
        /// That of the verbs' messages for one of which the broker has closed their channel.
        case suspects
        /// That of the requests of calls. It never confirms: that one could not be routed the broker says by itself.
        case calls
        /// One of the native API, by its number in the session.
        case native(Int)
    }

    var publish: AMQPPublish
    var origin = Origin.verbs
    /// Whether it is kept while there is no link, and sent again after one was lost.
    var isKept: Bool
    /// Told the broker's word, where somebody waits for it.
    var confirmation: Promise<Void>?
    /// When it is worthless, by the connection's clock.
    var deadline: Duration?
    /// The call whose request it is, by its correlation ID: what becomes of it is told there.
    var call: String?
    /// What is settled once it has been written.
    var settlement: Settlement?

    /// About what it costs to keep.
    var bytes: Int { publish.body.count + publish.routingKey.utf8.count + 256 }

    /// Whether nobody waits for it any more, so that it need not be sent.
    var isAbandoned: Bool { confirmation?.hasEnded ?? false }

    /// Whom it is to, for errors.
    var destination: String {
        publish.exchange.isEmpty ? publish.routingKey : "\(publish.routingKey) at the exchange \(publish.exchange)"
    }
}
