import CPostgreSQL
import Martlet
import MartletSQL
import MartletTransport

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Which server, which database, and how it is connected to: libpq's parameters.
struct PostgreSQLTarget: Sendable {
    /// What was said, without what is left to the environment.
    private var said: [String: String]

    /// - Parameter url: a URL of PostgreSQL's, or `key=value` pairs.
    init(_ url: String) throws(SQLError) {
        guard !url.utf8.contains(0) else { throw SQLError(.invalidArgument, "a database's URL holds a zero") }
        var message: UnsafeMutablePointer<CChar>?
        let options = PQconninfoParse(url, &message)
        defer { PQfreemem(message) }
        guard let options else {
            // It may quote a piece of the password.
            let reason = message.map { Self.withoutQuotes(String(cString: $0)) } ?? "there is no memory"
            throw SQLError(.invalidArgument, "a database's URL can't be read: \(reason)")
        }
        defer { PQconninfoFree(options) }
        said = Self.values(options)
        try check()
    }

    init(_ settings: DatabaseSettings) throws(SQLError) {
        said = ["dbname": settings.name]
        for (key, parameter, value) in [
            ("db_user", "user", settings.user), ("db_password", "password", settings.password?.value),
            ("db_host", "host", settings.host),
        ] {
            guard let value else {
                throw SQLError(.invalidArgument, "\(key) is missing, which a PostgreSQL database needs")
            }
            guard !value.utf8.contains(0) else { throw SQLError(.invalidArgument, "\(key) holds a zero") }
            said[parameter] = value
        }
        if let port = settings.port { said["port"] = "\(port)" }
        try check()
    }

    private func check() throws(SQLError) {
        for port in Self.list(said["port"] ?? "") where !port.isEmpty && !(1...65_535).contains(Int(port) ?? 0) {
            throw SQLError(.invalidArgument, "the port \(quoted(port)) of a database is not from 1 to 65535")
        }
    }

    /// What errors call it: nothing that is secret.
    var name: String {
        let database = said["dbname"] ?? said["service"] ?? "of the environment"
        return said["host"].map { "\(database) at \($0)" } ?? database
    }

    private static func withoutQuotes(_ message: String) -> String {
        let parts = message.split(separator: "\"", omittingEmptySubsequences: false)
        let masked = parts.enumerated().map { $0.offset % 2 == 0 ? String($0.element) : "…" }
        return masked.joined(separator: "\"").replacing("\n", with: "")
    }

    private static func values(_ options: UnsafeMutablePointer<PQconninfoOption>) -> [String: String] {
        var values: [String: String] = [:]
        var option = options
        while let key = option.pointee.keyword {
            if let value = option.pointee.val { values[String(cString: key)] = String(cString: value) }
            option += 1
        }
        return values
    }

    private static func list(_ text: String) -> [String] {
        text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    // MARK: For one link

    private static let timers = Timers(Timeline(ContinuousClock()))

    /// What libpq is given for a new link: what was said, addresses of the hosts, and the rules for TLS.
    ///
    /// libpq would ask for a name's address by a call that blocks. Given addresses beside the names it does not, and still
    /// checks certificates for the names.
    func parameters(deadline: ContinuousClock.Instant) async throws -> [String: String] {
        var parameters = said
        let service = PostgreSQLService.values(said["service"])
        // What the environment says; the service file, too, where `PGSERVICE` names a service.
        let defaults = PQconndefaults().map { options in
            defer { PQconninfoFree(options) }
            return Self.values(options)
        }
        func effective(_ key: String) -> String? { said[key] ?? service[key] ?? defaults?[key] }

        // Where nothing is said libpq has no host, and takes a socket of this machine.
        let hosts = Self.list(effective("host") ?? "")
        if effective("hostaddr") == nil, hosts.contains(where: { !Self.isSocket($0) }) {
            let ports = Self.list(effective("port") ?? "5432")
            guard ports.count == 1 || ports.count == hosts.count else {
                throw SQLError(.invalidArgument, "a database has \(hosts.count) hosts and \(ports.count) ports")
            }
            var expanded: [(host: String, address: String, port: String)] = []
            var failure: (any Error)?
            for (index, host) in hosts.enumerated() {
                let port = ports.count == 1 ? ports[0] : ports[index]
                if Self.isSocket(host) {
                    expanded.append((host, "", port))
                    continue
                }
                do {
                    let number = port.isEmpty ? 5432 : Int(port) ?? 0
                    let addresses = try await Resolver.addresses(
                        of: host,
                        port: number,
                        limit: WaitLimit(deadline - .now, of: Self.timers)
                    )
                    expanded += addresses.map { (host, $0.host, port) }
                } catch let error as MessagingError {
                    // Another host may be found.
                    failure = SQLError(.notConnected, error.message)
                }
            }
            if expanded.isEmpty, let failure { throw failure }
            parameters["host"] = expanded.map(\.host).joined(separator: ",")
            parameters["hostaddr"] = expanded.map(\.address).joined(separator: ",")
            parameters["port"] = expanded.map(\.port).joined(separator: ",")
        }

        // `PQconndefaults` has libpq's own default for it where the environment says nothing.
        let isSaid = said["sslmode"] ?? service["sslmode"] ?? Self.environment("PGSSLMODE") != nil
        if !isSaid, !hosts.allSatisfy(Self.isLocal) {
            parameters["sslmode"] = "verify-full"
            if said["sslrootcert"] ?? service["sslrootcert"] ?? Self.environment("PGSSLROOTCERT") == nil {
                parameters["sslrootcert"] = Self.authorities()
            }
        }
        // A link that nobody answers on is found out after half a minute, also while something is under way to the other side:
        // then nobody asks whether it is there, and the system would send it again for a quarter of an hour.
        let usual = [
            "fallback_application_name": "martlet", "keepalives_idle": "15", "keepalives_interval": "5",
            "keepalives_count": "3", "tcp_user_timeout": "30000",
        ]
        for (key, value) in usual where said[key] ?? service[key] == nil { parameters[key] = value }
        parameters["client_encoding"] = "UTF8"
        return parameters
    }

    private static func isSocket(_ host: String) -> Bool { host.isEmpty || host.hasPrefix("/") || host.hasPrefix("@") }

    private static func isLocal(_ host: String) -> Bool {
        isSocket(host) || host == "localhost" || host == "::1"
            || host.hasPrefix("127.") && SocketAddress(numeric: host, port: 1) != nil
    }

    private static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// The authorities that are trusted: the user's own for PostgreSQL, or those of the system, which libpq before version 16
    /// does not look for by itself.
    private static func authorities() -> String? {
        let own = environment("HOME").map { $0 + "/.postgresql/root.crt" }
        if let own, access(own, R_OK) == 0 { return own }
        let bundles = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"]
        return bundles.first { access($0, R_OK) == 0 }
    }
}

extension PostgreSQLTarget: CustomStringConvertible, CustomReflectable {
    /// Which database; not the password.
    var description: String { name }

    var customMirror: Mirror { Mirror(self, children: []) }
}
