import Martlet
import MartletBrokers
import MartletRelay

/// Where messages go that is no broker.
enum SinkAddress: Hashable, Sendable {
    /// `carbon://host:2003?prefix=home&confirm=read`
    case carbon(host: String, port: Int, CarbonOptions)
    /// `file:/path?format=json`
    case file(String, FileOptions)
    /// `console:`
    case console(LineFormat)
    /// `slack:#channel`, with the token in the environment.
    case slack(SlackOptions)
    /// `https://hooks.slack.com/…`
    case slackHook(Secret, WebOptions, Duration?)
    /// `https://host/path`
    case webhook(Secret, WebhookOptions)
    /// A server of events; only a file says it.
    case events(EventSinkOptions)

    /// The forms there are.
    static let known = "and, to relay to, carbon://host, file:/path, console:, slack:#channel, https://host/hook"

    /// Reads a URL.
    ///
    /// - Returns: `nil` if it is none of a sink.
    /// - Throws: `MessagingError.Code.invalidArgument` with what is wrong with it.
    init?(url text: String) throws {
        switch text.prefix(while: { $0 != ":" }).lowercased() {
        case "carbon" where text.contains("://"):
            let url = try BrokerURL(text)
            guard url.hosts.count == 1, let host = url.hosts.first else {
                throw MessagingError(.invalidArgument, "a URL of Carbon names one host")
            }
            var query = url.options()
            var options = CarbonOptions()
            options.prefix = query.string("prefix") ?? ""
            options.confirm = try query.choice("confirm", ["read": .read, "written": .written]) ?? options.confirm
            try query.finish()
            self = .carbon(host: host.name, port: host.port ?? CarbonSink.defaultPort, options)
        case "file" where text.contains(":"):
            let (path, format) = try Self.parts(of: text)
            guard !path.isEmpty, path != "/" else {
                throw MessagingError(.invalidArgument, "a URL of a file has its path: file:/var/log/messages.jsonl")
            }
            self = .file(path, FileOptions(format: format))
        case "console" where text.contains(":"):
            let (path, format) = try Self.parts(of: text)
            guard path.isEmpty else { throw MessagingError(.invalidArgument, "behind console: stands no path") }
            self = .console(format)
        case "slack" where text.contains(":"): self = .slack(try SlackOptions(url: text))
        case "https", "http": self = try Self.hook(Secret(text))
        default: return nil
        }
    }

    /// A web hook, or one of Slack's, which wants its own form.
    static func hook(_ url: Secret) throws -> SinkAddress {
        let host = url.value.split(separator: "/").dropFirst().first ?? ""
        let sink: SinkAddress =
            host == "hooks.slack.com" ? .slackHook(url, WebOptions(), nil) : .webhook(url, WebhookOptions())
        try sink.check()
        return sink
    }

    /// The path and the format of what is written to a file.
    private static func parts(of text: String) throws -> (path: String, format: LineFormat) {
        let rest = text.drop { $0 != ":" }.dropFirst()
        let parts = rest.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var path = parts.first.map(String.init) ?? ""
        // As RFC 8089 has it: file:/path and file:///path are the same.
        if path.hasPrefix("//") { path = String(path.dropFirst(2)) }
        guard parts.count == 2 else { return (path, .body) }
        let option = parts[1].split(separator: "=", omittingEmptySubsequences: false)
        guard option.count == 2, option[0] == "format", let format = LineFormat(rawValue: String(option[1])) else {
            throw MessagingError(.invalidArgument, "the only option there is format=body or format=json")
        }
        return (path, format)
    }

    /// What messages that are published there are able to have.
    var capabilities: Capabilities {
        switch self {
        case .carbon(_, _, let options): CarbonSink.capabilities(options)
        case .file, .console, .slack, .slackHook, .webhook, .events: [.confirmedPublish, .separateHeaders]
        }
    }

    /// Finds what is wrong with it, as far as that is known without its being reached.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument`, `MessagingError.Code.unsupported`.
    func check() throws {
        switch self {
        case .carbon, .file, .console: break
        case .events(let options): try options.validate()
        case .slack(let options): _ = try SlackSink(options)
        case .slackHook(let url, let web, _): _ = try SlackSink(hook: url, web: web)
        case .webhook(let url, let options): _ = try WebhookSink(url.value, options: options)
        }
    }

    /// A connection that delivers there. It is to be closed.
    ///
    /// - Throws: as ``check()``; `MessagingError.Code.notConnected` where it can't listen.
    func open(_ options: ConnectionOptions) async throws -> any Connection {
        switch self {
        case .carbon(let host, let port, let carbon):
            SinkConnection(
                CarbonSink(host: host, port: port, options: carbon, thread: options.thread),
                connection: options
            )
        case .file(let path, let file): SinkConnection(FileSink(path: path, options: file), connection: options)
        case .console(let format): SinkConnection(ConsoleSink(format: format), connection: options)
        case .slack(let slack): SinkConnection(try SlackSink(slack), connection: options)
        case .slackHook(let url, let web, let interval):
            SinkConnection(try SlackSink(hook: url, web: web, interval: interval), connection: options)
        case .webhook(let url, let webhook):
            SinkConnection(try WebhookSink(url.value, options: webhook), connection: options)
        case .events(let events): SinkConnection(try await EventSink.open(events), connection: options)
        }
    }

    /// Whether what is delivered is what is printed.
    var isStandardOutput: Bool { if case .console = self { true } else { false } }

    /// Whether each message is one of a series, which says when it was.
    var takesMetrics: Bool { if case .carbon = self { true } else { false } }
}

extension SinkAddress: CustomStringConvertible {
    /// Without its secrets: of a hook the server alone.
    var description: String {
        switch self {
        case .carbon(let host, let port, _): "carbon://\(host.contains(":") ? "[\(host)]" : host):\(port)"
        case .file(let path, _): "file:\(path)"
        case .console: "console:"
        case .slack(let options): options.shownURL
        case .slackHook(let url, _, _), .webhook(let url, _): url.server
        case .events(let options):
            "http\(options.tls == nil ? "" : "s")://\(options.host):\(options.port)\(options.path)"
        }
    }
}

extension Secret {
    /// What is shown of a URL of the web that is a secret.
    var server: String { value.split(separator: "/").prefix(2).joined(separator: "//") + "/…" }
}

extension SlackOptions {
    /// The variable of the environment that holds the token where a URL says the rest.
    private static let tokenVariable = "SLACK_TOKEN"

    /// `slack:#channel`
    init(url text: String) throws {
        let channel = text.drop { $0 != ":" }.dropFirst()
        guard !channel.isEmpty, !channel.contains(where: { "/?& ".contains($0) }) else {
            throw MessagingError(.invalidArgument, "behind slack: stands a channel, as in slack:#metrics")
        }
        guard let token = ProcessEnvironment.variables[Self.tokenVariable], !token.isEmpty else {
            throw MessagingError(
                .invalidArgument,
                "the environment variable \(Self.tokenVariable) has no token for Slack"
            )
        }
        self.init(token: Secret(token), channel: String(channel))
    }

    var shownURL: String { "slack:#\(channel.drop { $0 == "#" })" }
}
