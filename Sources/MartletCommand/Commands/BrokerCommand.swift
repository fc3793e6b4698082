import ArgumentParser
import Logging
import Martlet
import MartletConsole
import MartletJWT
import MartletServer
import UnixSignals

/// `martlet broker`
struct BrokerCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "broker",
        abstract: "Be a broker: MQTT 3.1, 3.1.1 and 5 for any client.",
        usage: """
            martlet broker [<options>]
            martlet broker --config <file> [<options>]
            martlet broker dump [--json] <folder>
            martlet broker scram [--iterations <count>] <file> <user>
            """,
        discussion: """
            It listens on this machine alone, and lets everybody in from there, unless told otherwise. Everything is kept in \
            memory and ends with it, unless --store names a folder: sessions, what waits for their clients and in queues, and \
            retained messages are then there again when it is started again, however it ended.

            --config names a file of YAML that says more than the options, such as limits and listeners of several addresses; the \
            documentation of MartletServer has a table of its keys. Options go over it: those that say where to listen take the \
            place of all its listeners.

            A queue is there while somebody consumes it, as clients do that subscribe to $share/martlet/NAME, or if --queue declares \
            it: then what is published to the topic NAME waits in it.

            --proxy is for a broker behind HAProxy or the like: it takes connections from that address alone, and each has to \
            begin with a header of the PROXY protocol, which says who the client is. --systemd listens on the sockets that \
            systemd passes, by their FileDescriptorName= (mqtt, mqtts or ws), instead of on --host and the ports. Elsewhere than \
            on a terminal SIGHUP has all files read anew: certificates, users, keys, rules, and of --config the queues; what else has \
            changed there is named, and holds from the next start on.

            --users names a file that mosquitto_passwd writes, --scram one that 'martlet broker scram' writes; then nobody is let in \
            without a user and a password. By --scram clients of MQTT 5 show that they know the password, by SCRAM-SHA-256, and do \
            not send it; with --users, too, others may send theirs. --jwt names the keys of an issuer of JSON Web Tokens, a key set \
            or a public key in PEM: clients give a token as their password, are the user that it says (sub), and are cut off when it \
            ends. Say --jwt-audience and --jwt-issuer, too, where the issuer's tokens are not for this broker alone; a secret that is \
            shared with the issuer, and the rest, is for the file of --config. --acl names \
            rules as mosquitto's acl_file has them: what no rule allows is refused. --check reads the files, looks at the \
            store, says what it would do, and neither listens nor changes anything.

            On a terminal its clients and queues and what comes and goes, drawn in place. Elsewhere lines of JSON: where it listens ('listening'), how it stands every \
            --report ('running'), and how it stood at the end ('ended'). Ctrl-C and SIGTERM end it: clients are told, and \
            wills are published.

            EXAMPLES:
              martlet broker
              martlet broker --host 0.0.0.0 --users users --acl rules --tls chain.pem,key.pem
              martlet broker scram keys alice && martlet broker --host 0.0.0.0 --scram keys
              martlet broker --host 0.0.0.0 --tls chain.pem,key.pem --jwt keys.json --jwt-audience house
              martlet broker --ws 9001 --ws-origin http://localhost:3000
              martlet broker --store /var/lib/martlet --sync 1s
              martlet broker --queue jobs
              martlet broker --config broker.yml --check
              martlet broker --port 0 | jq -r 'select(.state == "listening").port'
            """,
        subcommands: [BrokerDumpCommand.self, BrokerScramCommand.self]
    )

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("The file that says what the broker is to be.", valueName: "file"),
        completion: .file()
    )
    var config: String?
    @Option(
        help: ArgumentHelp(
            "The address to listen on; 0.0.0.0 or :: for all. (default: 127.0.0.1)",
            valueName: "address"
        )
    )
    var host: String?
    @Option(help: ArgumentHelp("The port for MQTT; 0 for one that is free. (default: 1883)", valueName: "port"))
    var port: UInt16?
    @Option(
        help: ArgumentHelp(
            "Listen for MQTT under TLS, too: the files of a certificate and its key.",
            valueName: "cert,key"
        ),
        completion: .file()
    )
    var tls: String?
    @Option(help: ArgumentHelp("The port for MQTT under TLS. (default: 8883)", valueName: "port"))
    var tlsPort: UInt16?
    @Option(
        help: ArgumentHelp("Listen for MQTT in WebSockets on this port, too; under TLS, with --tls.", valueName: "port")
    )
    var ws: UInt16?
    @Option(
        help: ArgumentHelp(
            "Of whose pages clients may come by WebSocket, besides those of this host; * for all. Can be repeated.",
            valueName: "origin"
        )
    )
    var wsOrigin: [String] = []
    @Option(
        help: ArgumentHelp("Listen on a Unix socket, too: the path of its file.", valueName: "path"),
        completion: .file()
    )
    var socket: String?
    @Option(
        help: ArgumentHelp(
            "Under TLS, ask clients for a certificate of these authorities, a root among them.",
            valueName: "file"
        ),
        completion: .file()
    )
    var clientCa: String?
    @Option(
        help: ArgumentHelp("The users and their passwords, by mosquitto_passwd.", valueName: "file"),
        completion: .file()
    )
    var users: String?
    @Option(
        help: ArgumentHelp("The users who log in by SCRAM-SHA-256, by 'martlet broker scram'.", valueName: "file"),
        completion: .file()
    )
    var scram: String?
    @Option(
        help: ArgumentHelp(
            "The keys of those whose JSON Web Tokens are let in: a key set, or a public key in PEM.",
            valueName: "file"
        ),
        completion: .file()
    )
    var jwt: String?
    @Option(help: ArgumentHelp("Whose tokens are taken: what iss has to be.", valueName: "name"))
    var jwtIssuer: String?
    @Option(
        help: ArgumentHelp(
            "Whom tokens have to be for: one of aud. Without it those that name an audience are refused.",
            valueName: "name"
        )
    )
    var jwtAudience: String?
    @Option(
        help: ArgumentHelp("Who may publish and read what, as mosquitto's acl_file.", valueName: "file"),
        completion: .file()
    )
    var acl: String?
    @Option(
        help: ArgumentHelp(
            "Keep sessions, retained messages and what is in queues in this folder, which is made if there is none.",
            valueName: "folder"
        ),
        completion: .directory
    )
    var store: String?
    @Option(
        help: ArgumentHelp(
            "With --store, force what was written onto the disk after this time, not before each acknowledgement: faster, and a "
                + "power cut may cost so much.",
            valueName: "time"
        )
    )
    var sync: Duration?
    @Option(help: ArgumentHelp("Declare a queue. Can be repeated.", valueName: "name"))
    var queue: [String] = []
    @Option(
        help: ArgumentHelp(
            "The longest keep-alive of clients of MQTT 5, in whole seconds, which they are told.",
            valueName: "time"
        )
    )
    var keepAlive: Duration?
    @Option(
        help: ArgumentHelp(
            "Be behind proxies of this address, or range such as 10.0.0.0/8. Can be repeated.",
            valueName: "address"
        )
    )
    var proxy: [String] = []
    @Flag(help: "Listen on the sockets that systemd passes.")
    var systemd = false
    @Flag(help: "Let everybody in, also from other machines.")
    var anonymous = false
    @Flag(help: "Say what it would do, and listen nowhere.")
    var check = false
    @Option(
        help: ArgumentHelp("How long from one line about its state to the next. (default: 10s)", valueName: "time")
    )
    var report: Duration?
    @Flag(help: "Print lines of JSON, also on a terminal.")
    var json = false
    @OptionGroup(visibility: .hidden) var connection: ConnectionArguments

    var isEndless: Bool { true }
    var endsByItself: Bool { true }

    func validate() throws {
        _ = try certificate()
        guard clientCa == nil || tls != nil else { throw ValidationError("--client-ca is for TLS: say --tls, too.") }
        guard tlsPort == nil || tls != nil else { throw ValidationError("--tls-port is for TLS: say --tls, too.") }
        guard wsOrigin.isEmpty || ws != nil || systemd else { throw ValidationError("--ws-origin is for --ws.") }
        guard !anonymous || users == nil else { throw ValidationError("Either --users or --anonymous, not both.") }
        guard !anonymous || scram == nil else { throw ValidationError("Either --scram or --anonymous, not both.") }
        guard !anonymous || jwt == nil else { throw ValidationError("Either --jwt or --anonymous, not both.") }
        guard jwtIssuer == nil && jwtAudience == nil || jwt != nil || config != nil else {
            throw ValidationError("--jwt-issuer and --jwt-audience are for --jwt.")
        }
        guard sync == nil || store != nil || config != nil else { throw ValidationError("--sync is for --store.") }
        guard sync.map({ $0 > .zero }) ?? true else { throw ValidationError("--sync is a time, such as 1s.") }
        guard keepAlive.map({ BrokerSettings.keepAlive($0) != nil }) ?? true else {
            throw ValidationError("--keep-alive is \(BrokerSettings.keepAliveForm).")
        }
        guard report.map({ $0 > .zero }) ?? true else { throw ValidationError("--report is a time, such as 10s.") }
        let isClosed = users != nil || scram != nil || jwt != nil
        guard config != nil || isClosed || anonymous || ["127.0.0.1", "::1", "localhost", nil].contains(host) else {
            throw ValidationError(
                "On \(host ?? "") other machines can connect: say --users, --scram or --jwt, or --anonymous if all of them may."
            )
        }
    }

    private func certificate() throws -> Listener.TLS? {
        guard let tls else { return nil }
        let files = tls.split(separator: ",").map(String.init)
        guard files.count == 2 else {
            throw ValidationError("--tls is two files with a comma between: the certificate and its key.")
        }
        return Listener.TLS(certificateChain: files[0], privateKey: files[1], clientAuthorities: clientCa)
    }

    // MARK: What it is to be

    /// What the file says, and what the options say over it.
    private func settings() throws -> BrokerSettings {
        var settings = try config.map { try BrokerSettings(file: $0) } ?? BrokerSettings()
        if let listeners = try listeners() { settings.listeners = listeners }
        if let users { (settings.users, settings.isAnonymous) = (users, false) }
        if let scram { (settings.scram, settings.isAnonymous) = (scram, false) }
        try settings.tokens = tokens(over: settings.tokens)
        if jwt != nil { settings.isAnonymous = false }
        if anonymous {
            (settings.users, settings.scram, settings.tokens, settings.isAnonymous) = (nil, nil, nil, true)
        }
        settings.acl = acl ?? settings.acl
        settings.store = store ?? settings.store
        settings.sync = sync ?? settings.sync
        guard settings.sync == nil || settings.store != nil else { throw Failure(.usage, "--sync is for a store") }
        for name in queue.map({ QueueName(mqtt: $0) }) where !settings.queues.contains(where: { $0.name == name }) {
            settings.queues.append(.init(name: name))
        }
        settings.limits.keepAlive = keepAlive.flatMap(BrokerSettings.keepAlive) ?? settings.limits.keepAlive
        settings.report = report ?? settings.report
        try settings.validate()
        return settings
    }

    /// Whose tokens are let in, by the options over those of the file.
    private func tokens(over file: TokenSettings?) throws -> TokenSettings? {
        var tokens = file ?? jwt.map { TokenSettings(file: $0) }
        if let jwt {
            tokens?.file = jwt
            tokens?.isSecret = false
        }
        guard tokens != nil || jwtIssuer == nil && jwtAudience == nil else {
            throw Failure(.usage, "--jwt-issuer and --jwt-audience are for tokens: say --jwt, or jwt in the file")
        }
        if let jwtIssuer { tokens?.rules.issuer = jwtIssuer }
        if let jwtAudience { tokens?.rules.audience = jwtAudience }
        return tokens
    }

    /// Where the options say to listen; `nil`: they say nothing.
    private func listeners() throws -> [ListenerSettings]? {
        let saysNothing =
            host == nil && port == nil && tls == nil && ws == nil && socket == nil && proxy.isEmpty && !systemd
        guard !saysNothing else { return nil }
        guard !systemd else { return try activated() }
        let (host, tls) = (host ?? "127.0.0.1", try certificate())
        func listener(_ port: UInt16?, tls: Listener.TLS?, isWebSocket: Bool = false) -> ListenerSettings {
            ListenerSettings(
                place: .address(host: host, port: port.map(Int.init)),
                isWebSocket: isWebSocket,
                tls: tls,
                origins: isWebSocket ? wsOrigin : [],
                proxies: proxy
            )
        }
        var listeners = [listener(port, tls: nil)]
        if let tls { listeners.append(listener(tlsPort, tls: tls)) }
        if let ws { listeners.append(listener(ws, tls: tls, isWebSocket: true)) }
        if let socket { listeners.append(ListenerSettings(place: .unix(path: socket))) }
        return listeners
    }

    /// Those on sockets of systemd's.
    private func activated() throws -> [ListenerSettings] {
        let names = Set(ActivatedSocket.all().map(\.name)).sorted()
        guard !names.isEmpty else {
            throw Failure(.usage, "systemd has passed no socket: --systemd is for a unit with a .socket unit beside it")
        }
        return try names.map { name in
            let tls = try certificate()
            guard name != "mqtts" || tls != nil else { throw Failure(.usage, "the socket mqtts needs --tls") }
            return ListenerSettings(
                place: .systemd(name: name),
                isWebSocket: name == "ws",
                tls: ["mqtts", "ws"].contains(name) ? tls : nil,
                origins: name == "ws" ? wsOrigin : [],
                proxies: proxy
            )
        }
    }

    // MARK: Running

    func perform(in session: Session) async throws {
        let settings = try settings()
        let listeners = try settings.listeners.flatMap { try $0.listeners() }
        try settings.checkFiles()
        let report = BrokerReport(session.output, asJSON: json || !session.output.isForPeople)
        let isDrawn = !json && !check && session.output.stream.isInteractive
        let screen = isDrawn ? BrokerScreen(session.output) : nil
        defer { screen?.finish() }
        let logger = connection.serverLogger(screen)
        let broker = MemoryBroker(options: settings.brokerOptions)
        let (server, users): (BrokerServer, BrokerUsers?)
        do {
            try Self.declare(settings.queues, broker)
            let rules = try settings.acl.map { try AccessRules(path: $0) }
            users = try settings.readUsers(logger).map { BrokerUsers($0) }
            func make(_ authenticator: some Authenticator) -> BrokerServer {
                BrokerServer(
                    broker,
                    listeners: listeners,
                    authenticator: authenticator,
                    rules: rules,
                    store: settings.brokerStore,
                    limits: settings.limits,
                    queueGroup: settings.queueGroup,
                    systemTopics: settings.systemTopics,
                    logger: logger
                )
            }
            server = users.map { make($0) } ?? make(AnonymousAuthenticator(fromAnywhere: settings.isAnonymous))
            if check {
                let store = try server.checked()
                for listener in listeners { try report.write("planned", listener.name, listener.host, listener.port) }
                if let tokens = settings.tokens { try report.write(tokens, tokens.keys(nil)) }
                for queue in settings.queues { try report.write(queue) }
                if let store { try report.write(store) }
                session.remark("nothing was listened on")
                return
            }
        } catch let error as MessagingError {
            throw Self.failure(error)
        }
        try await run(server, broker, session) { group in
            if let screen { return group.addTask { try await draw(server, broker, screen) } }
            // From here on SIGHUP does not end the process; in a terminal it says that this is gone.
            if !session.output.isForPeople {
                let hangUps = await UnixSignalsSequence(trapping: .sighup)
                group.addTask {
                    for await _ in hangUps {
                        let result = Result { try reload(settings, server, broker, users, logger) }
                        try report.writeReload(result)
                    }
                    try await session.interruption.wait()
                }
            }
            group.addTask { try await tell(server, broker, report, every: settings.report) }
        }
        if screen == nil { try report.write("ended", broker, server) }
    }

    private static func declare(_ queues: [BrokerSettings.Queue], _ broker: MemoryBroker) throws {
        for queue in queues { try broker.declareQueue(queue.name, options: queue.options) }
    }

    /// Reads all files anew. What is wrong in one leaves all as it was, but for certificates, each of which stands for itself.
    ///
    /// - Returns: the keys that hold from the next start on.
    private func reload(
        _ old: BrokerSettings,
        _ server: BrokerServer,
        _ broker: MemoryBroker,
        _ users: BrokerUsers?,
        _ logger: Logger
    ) throws -> [String] {
        let new = try settings()
        let rules = try new.acl.map { try AccessRules(path: $0) }
        let files = try users == nil ? nil : new.readUsers(logger)
        try Self.declare(new.queues, broker)
        if let files { users?.set(files) }
        server.setRules(rules)
        try server.reloadCertificates()
        return old.keysForNextStart(new)
    }

    /// Runs until it is told to end.
    ///
    /// - Parameter others: adds what is done meanwhile.
    private func run(
        _ server: BrokerServer,
        _ broker: MemoryBroker,
        _ session: Session,
        others: (inout ThrowingTaskGroup<Void, any Error>) async -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            group.addTask { try await session.interruption.wait() }
            await others(&group)
            defer { group.cancelAll() }
            do {
                try await group.next()
            } catch let error as MessagingError {
                throw Self.failure(error)
            }
        }
    }

    private static func failure(_ error: MessagingError) -> Failure {
        let message = error.message + (error.cause.map { ": \($0)" } ?? "")
        guard error.code == .notConnected else { return Failure(.usage, message) }
        return Failure(
            .unavailable,
            message,
            advice: "Somebody else may listen there, or this user may not: name another place with --port, --host or "
                + "--socket, or in the file of --config."
        )
    }

    /// Says where it listens, and from time to time how it stands.
    private func tell(
        _ server: BrokerServer,
        _ broker: MemoryBroker,
        _ report: BrokerReport,
        every interval: Duration
    ) async throws {
        for address in try await server.addresses {
            try report.write("listening", address.listener, address.host, address.port == 0 ? nil : address.port)
        }
        while true {
            try await Task.sleep(for: interval)
            try report.write("running", broker, server)
        }
    }

    private func draw(_ server: BrokerServer, _ broker: MemoryBroker, _ screen: BrokerScreen) async throws {
        screen.enter(try await server.addresses)
        while true {
            let statistics = server.statistics
            let figures = BrokerFigures(
                time: .now,
                server: statistics,
                broker: broker.statistics,
                presence: broker.presence,
                retained: statistics.retained
            )
            try screen.refresh(figures)
            try await Task.sleep(for: .milliseconds(500))
        }
    }
}

extension ConnectionArguments {
    /// Told of what clients do wrong: above the figures of a screen, if there is one, or on standard error.
    fileprivate func serverLogger(_ screen: BrokerScreen?) -> Logger {
        Logger(label: "martlet.broker") { label in
            if let screen {
                var handler = BrokerLog(screen)
                handler.logLevel = verbose ? .debug : .warning
                return handler
            }
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = verbose ? .debug : .warning
            return handler
        }
    }
}
