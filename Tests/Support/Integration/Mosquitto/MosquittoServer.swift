import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A Mosquitto broker (Debian's package `mosquitto`).
package final class MosquittoServer: ControlledServer {
    package let process: ServerProcess
    /// What the server was set up with.
    package let options: MosquittoOptions
    private let plain: ReservedPort
    private let encrypted: ReservedPort?

    /// The port of the plain listener.
    package var port: Int { plain.number }

    /// The port of the TLS listener, if there is one.
    package var tlsPort: Int? { encrypted?.number }

    /// A server that does not run yet.
    package init(_ options: MosquittoOptions = MosquittoOptions()) throws {
        let program = try Program.find("mosquitto", package: "mosquitto")
        let plain = try ReservedPort()
        let encrypted = try options.tls.map { _ in try ReservedPort() }
        let folder = try TemporaryFolder("mosquitto")
        process = ServerProcess("mosquitto", in: folder, readiness: Self.readiness(plain)) {
            let lines = try await Self.configuration(options, plain: plain, encrypted: encrypted, folder: folder)
            let file = try folder.write(lines.joined(separator: "\n") + "\n", to: "mosquitto.conf")
            try await Self.writeUsers(options.users, folder: folder)
            return Spawn(program: program, arguments: ["-c", file], environment: Program.environment)
        }
        self.options = options
        self.plain = plain
        self.encrypted = encrypted
    }

    /// Runs `body` with a server of its own, which ends with it.
    package static func withServer<Result>(
        _ options: MosquittoOptions = MosquittoOptions(),
        _ body: (MosquittoServer) async throws -> Result
    ) async throws -> Result {
        try await MosquittoServer(options).withRunning(body)
    }

    /// The server, without persistence or users, that all suites of this process share. Don't end or pause it, and use
    /// topics of your own.
    package static func shared() async throws -> MosquittoServer { try await sharedServer { try MosquittoServer() } }

    private static let sharedServer = SharedServer<MosquittoServer>()

    /// Another server that all suites share, which only knows the user `alice` with the password `sesame` and has a TLS
    /// listener.
    package static func sharedSecured() async throws -> MosquittoServer {
        try await sharedSecuredServer {
            var options = MosquittoOptions()
            options.tls = .server
            options.users = [.init("alice", password: "sesame")]
            return try MosquittoServer(options)
        }
    }

    private static let sharedSecuredServer = SharedServer<MosquittoServer>()

    /// Writes everything to disk and returns when it is there.
    ///
    /// With ``MosquittoOptions/isPersistent`` the server saves after every change by itself, but it confirms a message a
    /// moment before it has saved it. What was confirmed before this call survives a ``ControlledServer/kill()`` after it.
    ///
    /// - Throws: ``ServerError`` if the server is not persistent, or does not save within a minute.
    package func save() async throws {
        guard options.isPersistent else { throw ServerError("This mosquitto is not persistent") }
        // The server writes a new file and puts it in the place of the old one. It does so after it has dealt with all
        // that it confirmed, so that it does not matter which of its savings replaces the file.
        let before = databaseIdentity
        process.send(signal: SIGUSR1)
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            if let now = databaseIdentity, now != before { return }
            try await Task.sleep(for: .milliseconds(2))
        }
        throw ServerError("mosquitto did not save within a minute. Its log:\n\(log)")
    }

    /// It is ready when it answers a CONNECT with a CONNACK, be that a refusal: by then it listens everywhere and heeds
    /// signals.
    private static func readiness(_ port: ReservedPort) -> Readiness {
        let connect = [0x10, 12, 0, 4] + Array("MQTT".utf8) + [4, 0x02, 0, 60, 0, 0]
        return Readiness(address: .loopback(port: port.number), question: connect) { $0.first.map { $0 == 0x20 } }
    }

    private var databaseIdentity: [Int]? {
        var status = stat()
        guard stat(folder.path("mosquitto.db"), &status) == 0 else { return nil }
        #if canImport(Darwin)
        let time = status.st_mtimespec
        #else
        let time = status.st_mtim
        #endif
        return [Int(status.st_ino), Int(time.tv_sec), Int(time.tv_nsec)]
    }

    private static func configuration(
        _ options: MosquittoOptions,
        plain: ReservedPort,
        encrypted: ReservedPort?,
        folder: TemporaryFolder
    ) async throws -> [String] {
        var lines = ["log_dest stdout"]
        // Started by root, the server would become a user who can't read the folder.
        if geteuid() == 0 { lines.append("user root") }
        if options.isPersistent || options.savesAtEnd {
            lines += ["persistence true", "persistence_location \(folder.path)/"]
            lines +=
                options.isPersistent ? ["autosave_on_changes true", "autosave_interval 1"] : ["autosave_interval 0"]
        }
        lines.append("allow_anonymous \(options.users.isEmpty)")
        if !options.users.isEmpty { lines.append("password_file \(folder.path("users"))") }
        if !options.accessControl.isEmpty {
            let file = try folder.write(options.accessControl.joined(separator: "\n") + "\n", to: "access")
            lines.append("acl_file \(file)")
        }
        lines.append("max_inflight_messages \(options.maximumInFlight)")
        lines.append("max_queued_messages \(options.maximumQueued)")
        lines.append("set_tcp_nodelay \(options.sendsAtOnce)")
        if let limit = options.maximumPacketSize { lines.append("max_packet_size \(limit)") }
        if let limit = options.maximumMessageSize { lines.append("message_size_limit \(limit)") }
        if let limit = options.maximumKeepAlive { lines.append("max_keepalive \(limit)") }
        lines += options.extraLines

        let hosts = options.listensOnIPv6 ? ["127.0.0.1", "::1"] : ["127.0.0.1"]
        let aliases = options.maximumTopicAliases.map { ["max_topic_alias \($0)"] } ?? []
        for host in hosts {
            lines += ["listener \(plain.number) \(host)"] + aliases
            guard let encrypted, let tls = options.tls else { continue }
            let certificates = try await TestCertificates.shared
            let identity = certificates[keyPath: options.certificate]
            lines += ["listener \(encrypted.number) \(host)"] + aliases
            lines += [
                "cafile \(certificates.authority)", "certfile \(identity.certificate)", "keyfile \(identity.key)",
            ]
            if case .mutual = tls { lines += ["require_certificate true", "use_identity_as_username true"] }
        }
        return lines
    }

    private static func writeUsers(_ users: [MosquittoOptions.User], folder: TemporaryFolder) async throws {
        guard !users.isEmpty else { return }
        let program = try Program.find("mosquitto_passwd", package: "mosquitto")
        let file = try folder.write("", to: "users")
        for user in users { try await Program.run(program, ["-b", file, user.name, user.password]) }
    }
}
