import Martlet

/// What a broker says in its own words beside a reason code (MQTT 5, 3.2.2.3).
struct BrokerWords: Equatable, Sendable {
    /// Its Reason String.
    var reason: String?
    /// Its Server Reference: where the client is to go.
    var server: String?

    /// As it stands behind a reason in an error; empty if it has said nothing.
    var detail: String {
        let parts = [reason.map { quoted($0) }, server.map { "it names the server \(quoted($0))" }].compactMap { $0 }
        return parts.isEmpty ? "" : " (\(parts.joined(separator: "; ")))"
    }
}
