import Foundation
import Synchronization

/// A RabbitMQ broker (Debian's package `rabbitmq-server`), run without the package's service and without its user.
///
/// It takes some seconds to start, more on a busy machine, and some hundred megabytes: suites share one where they can.
package final class RabbitMQServer: ControlledServer {
    package let process: ServerProcess
    /// What the server was set up with.
    package let options: RabbitMQOptions
    /// The name of its node in a cluster.
    package let node: String
    private let plain: ReservedPort
    private let encrypted: ReservedPort?
    private let mqtt: ReservedPort?
    private let environment: [String: String]

    /// The port of the plain listener.
    package var port: Int { plain.number }

    /// The port of the TLS listener, if there is one.
    package var tlsPort: Int? { encrypted?.number }

    /// The port of the listener for MQTT, if there is one.
    package var mqttPort: Int? { mqtt?.number }

    /// A server that does not run yet. Its user is `guest`, with the password `guest`.
    package convenience init(_ options: RabbitMQOptions = RabbitMQOptions()) throws {
        try self.init(options, peers: [], node: Self.newNode())
    }

    /// - Parameter peers: The nodes of which it joins the first one that it finds, when it starts for the first time.
    init(_ options: RabbitMQOptions, peers: [String], node: String) throws {
        let program = Self.programs + "rabbitmq-server"
        guard FileManager.default.isExecutableFile(atPath: program) else {
            throw ServerError(
                "There is no \(program) here. Debian has it in its package rabbitmq-server: Tests/run installs it"
            )
        }
        let plain = try ReservedPort()
        let encrypted = try options.tls.map { _ in try ReservedPort() }
        let mqtt = options.speaksMQTT ? try ReservedPort() : nil
        let distribution = try ReservedPort()
        let folder = try TemporaryFolder("rabbitmq")
        var discovery: [String] = []
        if !peers.isEmpty { discovery.append("cluster_formation.peer_discovery_backend = classic_config") }
        for (number, peer) in peers.enumerated() {
            discovery.append("cluster_formation.classic_config.nodes.\(number + 1) = \(peer)")
        }
        let plugins = options.plugins + (mqtt == nil ? [] : ["rabbitmq_mqtt"])
        try folder.write("[\(plugins.joined(separator: ","))].\n", to: "plugins")
        try folder.write("", to: "environment")
        if let limit = options.acknowledgementLimit {
            let settings = "{consumer_timeout,\(limit)},{channel_tick_interval,2000}"
            try folder.write("[{rabbit,[\(settings)]}].\n", to: "advanced.config")
        }
        // Whoever knows this may command the node; only this machine can reach it.
        let cookie = try folder.write("martlet", to: ".erlang.cookie")
        try FileManager.default.setAttributes([.posixPermissions: 0o400], ofItemAtPath: cookie)

        let environment = Self.environment(node: node, folder: folder, distribution: distribution)
        process = ServerProcess(
            "rabbitmq-server",
            in: folder,
            readiness: Self.readiness(options, plain: plain, encrypted: encrypted, mqtt: mqtt),
            patience: .seconds(180)
        ) { [discovery] in
            var lines = try await Self.configuration(options, plain: plain, encrypted: encrypted) + discovery
            if let mqtt { lines.append("mqtt.listeners.tcp.1 = 127.0.0.1:\(mqtt.number)") }
            try folder.write(lines.joined(separator: "\n") + "\n", to: "rabbitmq.conf")
            // As long as the server is there, so is the reservation.
            let port = distribution.number
            let mapper = try await ErlangPortMapper.shared().port
            let own = ["RABBITMQ_DIST_PORT": "\(port)", "ERL_EPMD_PORT": "\(mapper)"]
            return Spawn(program: program, environment: environment.merging(own) { $1 })
        }
        self.options = options
        self.node = node
        self.plain = plain
        self.encrypted = encrypted
        self.mqtt = mqtt
        self.environment = environment
    }

    /// Runs `body` with a server of its own, which ends with it.
    package static func withServer<Result>(
        _ options: RabbitMQOptions = RabbitMQOptions(),
        _ body: (RabbitMQServer) async throws -> Result
    ) async throws -> Result {
        try await RabbitMQServer(options).withRunning(body)
    }

    /// The server that all suites of this process share. Don't end or pause it, and use names of your own.
    package static func shared() async throws -> RabbitMQServer { try await sharedServer { try RabbitMQServer() } }

    private static let sharedServer = SharedServer<RabbitMQServer>()

    /// Another one for all suites of this process, which speaks TLS as well. There clients must show a certificate, and
    /// may be known by it alone (EXTERNAL).
    package static func sharedSecured() async throws -> RabbitMQServer {
        try await sharedSecuredServer {
            var options = RabbitMQOptions()
            options.tls = .mutual
            options.plugins = ["rabbitmq_auth_mechanism_ssl"]
            options.extraLines = [
                "auth_mechanisms.1 = PLAIN", "auth_mechanisms.2 = EXTERNAL", "ssl_cert_login_from = common_name",
            ]
            return try RabbitMQServer(options)
        }
    }

    private static let sharedSecuredServer = SharedServer<RabbitMQServer>()

    /// Has `rabbitmqctl` run a command, such as `"list_queues", "name", "messages"` or
    /// `"set_vm_memory_high_watermark", "0"`, and returns what it wrote. That takes about a second.
    ///
    /// - Throws: ``ServerError`` with what it wrote if the command failed.
    @discardableResult
    package func control(_ arguments: String...) async throws -> String {
        let mapper = try await ErlangPortMapper.shared().port
        return try await Program.run(
            Self.programs + "rabbitmqctl",
            ["--quiet"] + arguments,
            environment: environment.merging(["ERL_EPMD_PORT": "\(mapper)"]) { $1 }
        )
    }

    /// Makes a virtual host, for those who share the server and need names to themselves. It ends with the server.
    ///
    /// - Returns: its name.
    package func addVirtualHost() async throws -> String {
        let name = "own\(Self.hosts.add(1, ordering: .relaxed).newValue)"
        try await control("add_vhost", name)
        try await control("set_permissions", "-p", name, "guest", ".*", ".*", ".*")
        return name
    }

    private static let hosts = Atomic(0)
    private static let programs = "/usr/lib/rabbitmq/bin/"
    private static let count = Atomic(0)

    static func newNode() -> String { "martlet\(count.add(1, ordering: .relaxed).newValue)@localhost" }

    /// It is ready when it answers the protocol's header with a method frame, and listens everywhere.
    private static func readiness(
        _ options: RabbitMQOptions,
        plain: ReservedPort,
        encrypted: ReservedPort?,
        mqtt: ReservedPort?
    ) -> Readiness {
        let ports = [plain.number] + (encrypted.map { [$0.number] } ?? [])
        return Readiness(
            address: .loopback(port: plain.number),
            others: (ports + (mqtt.map { [$0.number] } ?? [])).map { .loopback(port: $0) }
                + (options.listensOnIPv6 ? ports.map { .loopback6(port: $0) } : []),
            question: Array("AMQP".utf8) + [0, 0, 9, 1],
            judge: { $0.first.map { $0 == 1 } }
        )
    }

    private static func environment(
        node: String,
        folder: TemporaryFolder,
        distribution: ReservedPort
    ) -> [String: String] {
        var environment = Program.environment
        for (name, file) in [
            ("HOME", ""), ("RABBITMQ_MNESIA_BASE", "data"), ("RABBITMQ_LOG_BASE", "logs"), ("RABBITMQ_PID_FILE", "pid"),
            ("RABBITMQ_CONFIG_FILE", "rabbitmq.conf"), ("RABBITMQ_ADVANCED_CONFIG_FILE", "advanced.config"),
            ("RABBITMQ_CONF_ENV_FILE", "environment"), ("RABBITMQ_FEATURE_FLAGS_FILE", "features"),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", "plugins"), ("ERL_CRASH_DUMP", "crash"),
        ] {
            environment[name] = folder.path(file)
        }
        environment["RABBITMQ_NODENAME"] = node
        environment["ERL_EPMD_ADDRESS"] = "127.0.0.1"
        // The script then becomes the server, instead of watching over it: signals are for the server itself.
        environment["RUNNING_UNDER_SYSTEMD"] = "true"
        // Idle schedulers that spin would take the processor from the tests.
        environment["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] =
            "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}"
        return environment
    }

    private static func configuration(
        _ options: RabbitMQOptions,
        plain: ReservedPort,
        encrypted: ReservedPort?
    ) async throws -> [String] {
        var lines = ["log.file = false", "log.console = true", "log.console.level = info"]
        lines.append("listeners.tcp.1 = 127.0.0.1:\(plain.number)")
        if options.listensOnIPv6 { lines.append("listeners.tcp.2 = ::1:\(plain.number)") }
        if let encrypted, let tls = options.tls {
            let certificates = try await TestCertificates.shared
            let identity = certificates[keyPath: options.certificate]
            lines.append("listeners.ssl.1 = 127.0.0.1:\(encrypted.number)")
            if options.listensOnIPv6 { lines.append("listeners.ssl.2 = ::1:\(encrypted.number)") }
            lines += [
                "ssl_options.cacertfile = \(certificates.authority)",
                "ssl_options.certfile = \(identity.certificate)",
                "ssl_options.keyfile = \(identity.key)",
                "ssl_options.verify = \(tls == .mutual ? "verify_peer" : "verify_none")",
                "ssl_options.fail_if_no_peer_cert = \(tls == .mutual)",
            ]
        }
        if let seconds = options.heartbeat { lines.append("heartbeat = \(seconds)") }
        if let limit = options.maximumFrameSize { lines.append("frame_max = \(limit)") }
        if let limit = options.maximumChannels { lines.append("channel_max = \(limit)") }
        if let limit = options.maximumMessageSize { lines.append("max_message_size = \(limit)") }
        return lines + options.extraLines
    }
}
