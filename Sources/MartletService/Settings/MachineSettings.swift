import Logging
import Martlet
import MartletSettings

/// What a file says for all services of a machine, as miqro's does.
struct MachineSettings: Decodable {
    /// What paho's `connect` takes.
    struct Server: Decodable {
        var host: String
        var port: Int?
        var keepalive: Duration?
    }

    enum Broker: Decodable {
        case url(Secret)
        case server(Server)

        init(from decoder: any Decoder) throws {
            if let url = try? decoder.singleValueContainer().decode(Secret.self) {
                self = .url(url)
            } else {
                self = .server(try Server(from: decoder))
            }
        }
    }

    struct Authentication: Decodable {
        var username: String
        var password: Secret?
    }

    var broker: Broker?
    var auth: Authentication?
    var tls: TLSSettings?
    var logLevel: LogLevel?
    /// For Home Assistant's discovery.
    var haDiscoveryPrefix: String?
    /// Where Home Assistant says that it has started, and what.
    var haBirthTopic: String?
    var haBirthPayload: String?
    /// Read by each service for itself.
    var services: [String: SettingsNode]?

    /// The broker's URL; `nil` if no broker is named.
    func url() throws(SettingsError) -> Secret? {
        switch broker {
        case nil: return nil
        case .url(let url):
            guard auth == nil, tls == nil else {
                let path = auth == nil ? "tls" : "auth"
                let message = "it is for a broker that is named by its host; a URL has such options itself"
                throw SettingsError(message, path: path)
            }
            return url
        case .server(let server):
            var url = tls == nil ? "mqtt://" : "mqtts://"
            if let auth {
                url += BrokerURL.escaped(auth.username)
                url += auth.password.map { ":" + BrokerURL.escaped($0.value) } ?? ""
                url += "@"
            }
            url += server.host.contains(":") ? "[\(server.host)]" : server.host
            url += server.port.map { ":\($0)" } ?? ""
            var options = tls?.options ?? []
            if let keepalive = server.keepalive { options.append(("keepalive", "\(keepalive.components.seconds)s")) }
            let query = options.map { "\($0.name)=\(BrokerURL.escaped($0.value))" }.joined(separator: "&")
            return Secret(query.isEmpty ? url : url + "?" + query)
        }
    }
}

/// How serious something has to be to be logged, as Python and Swift call it.
struct LogLevel: Decodable {
    let level: Logger.Level

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self).lowercased()
        guard let level = text == "warn" ? .warning : Logger.Level(rawValue: text) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "it is none of \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))"
            )
        }
        self.level = level
    }
}
