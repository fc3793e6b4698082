import MartletTransport

/// Where a socket leads.
enum Destination: Sendable, Hashable, CustomStringConvertible {
    case endpoint(Endpoint)
    /// A node that the others call by a name, which is looked up for each socket.
    case name(String, port: Int)

    /// What its certificate is for.
    var host: String {
        switch self {
        case .endpoint(let endpoint): endpoint.host
        case .name(let host, _): host
        }
    }

    var description: String {
        switch self {
        case .endpoint(let endpoint): "\(endpoint)"
        case .name(let host, let port): "\(host):\(port)"
        }
    }
}
