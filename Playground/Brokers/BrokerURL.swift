/// Which broker to run on, as it stands on the command line.
enum BrokerURL: Hashable {
    /// `memory:`, the embedded broker: in this process, of its own for each run.
    case memory

    /// The forms there are, for whoever asks for another.
    static let known = "memory:"

    /// - Throws: ``UsageError`` if there is no such broker.
    init(_ text: String) throws {
        switch text {
        case "memory:", "memory://":
            self = .memory
        default:
            throw UsageError("there is no broker \(text.debugDescription); there is \(Self.known)")
        }
    }
}
