import ArgumentParser
import Logging
import Martlet
import MartletConsole
import MartletServer

/// `martlet broker`
struct BrokerCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "broker",
        abstract: "Be a broker: MQTT 3.1, 3.1.1 and 5 for any client.",
        usage: """
            martlet broker [<options>]
            martlet broker dump [--json] <folder>
            """,
        discussion: """
            It listens on this machine alone, and lets everybody in from there, unless told otherwise. Everything is kept in \
            memory and ends with it, unless --store names a folder: sessions, what waits for their clients, and retained messages \
            are then there again when it is started again, however it ended.

            --users names a file that mosquitto_passwd writes; then nobody is let in without a user and a password. --acl names \
            rules as mosquitto's acl_file has them: what no rule allows is refused. --check reads the files, says what it would \
            do, and listens nowhere.

            On a terminal lines for people. Elsewhere lines of JSON: where it listens ('listening'), how it stands every \
            --report ('running'), and how it stood at the end ('ended'). Ctrl-C and SIGTERM end it: clients are told, and \
            wills are published.

            EXAMPLES:
              martlet broker
              martlet broker --host 0.0.0.0 --users users --acl rules --tls chain.pem,key.pem
              martlet broker --ws 9001 --ws-origin http://localhost:3000
              martlet broker --store /var/lib/martlet --sync 1s
              martlet broker --port 0 | jq -r 'select(.state == "listening").port'
            """,
        subcommands: [BrokerDumpCommand.self]
    )

    @Option(help: ArgumentHelp("The address to listen on; 0.0.0.0 or :: for all.", valueName: "address"))
    var host = "127.0.0.1"
    @Option(help: ArgumentHelp("The port for MQTT; 0 for one that is free.", valueName: "port"))
    var port: UInt16 = 1_883
    @Option(
        help: ArgumentHelp(
            "Listen for MQTT under TLS, too: the files of a certificate and its key.",
            valueName: "cert,key"
        ),
        completion: .file()
    )
    var tls: String?
    @Option(help: ArgumentHelp("The port for MQTT under TLS.", valueName: "port"))
    var tlsPort: UInt16 = 8_883
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
        help: ArgumentHelp("Under TLS, ask clients for a certificate of these authorities.", valueName: "file"),
        completion: .file()
    )
    var clientCa: String?
    @Option(
        help: ArgumentHelp("The users and their passwords, by mosquitto_passwd.", valueName: "file"),
        completion: .file()
    )
    var users: String?
    @Option(
        help: ArgumentHelp("Who may publish and read what, as mosquitto's acl_file.", valueName: "file"),
        completion: .file()
    )
    var acl: String?
    @Option(
        help: ArgumentHelp(
            "Keep sessions and retained messages in this folder, which is made if there is none.",
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
    @Flag(help: "Let everybody in, also from other machines.")
    var anonymous = false
    @Flag(help: "Say what it would do, and listen nowhere.")
    var check = false
    @Option(help: ArgumentHelp("How long from one line about its state to the next.", valueName: "time"))
    var report: Duration = .seconds(10)
    @Flag(help: "Print lines of JSON, also on a terminal.")
    var json = false
    @OptionGroup(visibility: .hidden) var connection: ConnectionArguments

    var isEndless: Bool { true }
    var endsByItself: Bool { true }

    func validate() throws {
        _ = try certificate()
        guard clientCa == nil || tls != nil else { throw ValidationError("--client-ca is for TLS: say --tls, too.") }
        guard wsOrigin.isEmpty || ws != nil else { throw ValidationError("--ws-origin is for --ws.") }
        guard !anonymous || users == nil else { throw ValidationError("Either --users or --anonymous, not both.") }
        guard sync == nil || store != nil else { throw ValidationError("--sync is for --store.") }
        guard sync ?? report > .zero else { throw ValidationError("--sync is a time, such as 1s.") }
        guard report > .zero else { throw ValidationError("--report is a time, such as 10s.") }
        guard users != nil || anonymous || ["127.0.0.1", "::1", "localhost"].contains(host) else {
            throw ValidationError(
                "On \(host) other machines can connect: say --users, or --anonymous if all of them may."
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

    private func listeners() throws -> [Listener] {
        var listeners = [Listener.mqtt(host: host, port: Int(port))]
        let tls = try certificate()
        if let tls { listeners.append(.mqtts(host: host, port: Int(tlsPort), tls)) }
        if let ws { listeners.append(.webSocket(host: host, port: Int(ws), tls: tls, origins: wsOrigin)) }
        if let socket { listeners.append(.unix(path: socket)) }
        return listeners
    }

    private var brokerStore: BrokerStore {
        guard let store else { return .none }
        return .log(store, sync: sync.map { .interval($0) } ?? .always)
    }

    func perform(in session: Session) async throws {
        let listeners = try listeners()
        let report = BrokerReport(session.output, asJSON: json || !session.output.isForPeople)
        let broker = MemoryBroker()
        let server: BrokerServer
        do {
            let rules = try acl.map { try AccessRules(path: $0) }
            let logger = connection.serverLogger
            if let users {
                let file = try PasswordFile(path: users)
                server = BrokerServer(
                    broker,
                    listeners: listeners,
                    authenticator: file,
                    rules: rules,
                    store: brokerStore,
                    logger: logger
                )
            } else {
                let anybody = AnonymousAuthenticator(fromAnywhere: anonymous)
                server = BrokerServer(
                    broker,
                    listeners: listeners,
                    authenticator: anybody,
                    rules: rules,
                    store: brokerStore,
                    logger: logger
                )
            }
            if check {
                try server.check()
                for listener in listeners { try report.write("planned", listener.name, listener.host, listener.port) }
                session.remark("nothing was listened on")
                return
            }
        } catch let error as MessagingError {
            throw Failure(.usage, error.message)
        }
        try await run(server, broker, report, session)
        try report.write("ended", broker, server)
    }

    private func run(
        _ server: BrokerServer,
        _ broker: MemoryBroker,
        _ lines: BrokerReport,
        _ session: Session
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            group.addTask { try await session.interruption.wait() }
            group.addTask {
                for address in try await server.addresses {
                    let port = address.port == 0 ? nil : address.port
                    try lines.write("listening", address.listener, address.host, port)
                }
                while true {
                    try await Task.sleep(for: report)
                    try lines.write("running", broker, server)
                }
            }
            defer { group.cancelAll() }
            do {
                try await group.next()
            } catch let error as MessagingError {
                throw Failure(error.code == .invalidArgument ? .usage : .unavailable, error.message)
            }
        }
    }
}

extension ConnectionArguments {
    /// Told of what clients do wrong, on standard error.
    fileprivate var serverLogger: Logger {
        Logger(label: "martlet.broker") { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = verbose ? .debug : .warning
            return handler
        }
    }
}

/// What `martlet broker` says of itself.
private struct BrokerReport: Sendable {
    private let output: OutputWriter
    private let asJSON: Bool

    init(_ output: OutputWriter, asJSON: Bool) {
        self.output = output
        self.asJSON = asJSON
    }

    /// Says where it listens, or would.
    func write(_ state: String, _ listener: String, _ host: String, _ port: Int?) throws {
        guard asJSON else {
            return try output.writeLine(state, "\(listener) on \(host)\(port.map { ", port \($0)" } ?? "")")
        }
        var object = JSONObject()
        object.add("state", string: state)
        object.add("listener", string: listener)
        object.add(port == nil ? "path" : "host", string: host)
        if let port { object.add("port", integer: port) }
        try output.write(object)
    }

    /// Says how it stands.
    func write(_ state: String, _ broker: MemoryBroker, _ server: BrokerServer) throws {
        let (counts, statistics) = (broker.statistics, server.statistics)
        let figures = [
            ("clients", statistics.connections), ("sessions", statistics.sessions), ("published", counts.published),
            ("queued", statistics.queued), ("dropped", statistics.dropped), ("refused", counts.refused),
            ("faults", statistics.faults), ("store-failures", statistics.storeFailures),
        ]
        guard asJSON else {
            return try output.writeLine(state, figures.map { "\($0) \($1)" }.joined(separator: ", "))
        }
        var object = JSONObject()
        object.add("state", string: state)
        for (name, count) in figures { object.add(name, integer: count) }
        object.add("time", string: Moment().timestamp)
        try output.write(object)
    }
}
