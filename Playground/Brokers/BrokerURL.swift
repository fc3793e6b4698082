/// Which broker to run on, as it stands on the command line.
enum BrokerURL: Hashable {
    /// `memory:`, the embedded broker: in this process, of its own for each run.
    case memory
    /// `mqtt:` or `mqtts:`.
    case mqtt(String)
    /// `amqp:` or `amqps:`.
    case amqp(String)
    /// `redis:`, `rediss:` or `unix:`.
    case redis(String)

    /// The forms there are, for whoever asks for another.
    static let known = "memory:, mqtt://host, amqp://host, redis://host"

    /// - Throws: ``UsageError`` if there is no such kind of broker.
    init(_ text: String) throws {
        switch text.prefix(while: { $0 != ":" }) {
        case "memory" where text == "memory:" || text == "memory://": self = .memory
        case "mqtt", "mqtts": self = .mqtt(text)
        case "amqp", "amqps": self = .amqp(text)
        case "redis", "rediss", "unix": self = .redis(text)
        default: throw UsageError("there is no broker \(text.debugDescription); there is \(Self.known)")
        }
    }
}
