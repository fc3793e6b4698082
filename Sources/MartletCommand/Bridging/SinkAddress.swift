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

    /// The forms there are.
    static let known = "and, to relay to, carbon://host, file:/path, console:"

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
        default: return nil
        }
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
        case .carbon(let host, let port, let options): CarbonSink(host: host, port: port, options: options).capabilities
        case .file(let path, let options): FileSink(path: path, options: options).capabilities
        case .console(let format): ConsoleSink(format: format).capabilities
        }
    }

    /// A connection that delivers there. It is to be closed.
    func open(_ options: ConnectionOptions) -> any Connection {
        switch self {
        case .carbon(let host, let port, let carbon):
            SinkConnection(CarbonSink(host: host, port: port, options: carbon), connection: options)
        case .file(let path, let file): SinkConnection(FileSink(path: path, options: file), connection: options)
        case .console(let format): SinkConnection(ConsoleSink(format: format), connection: options)
        }
    }

    /// Whether what is delivered is what is printed.
    var isStandardOutput: Bool { if case .console = self { true } else { false } }

    /// Whether each message is one of a series, which says when it was.
    var takesMetrics: Bool { if case .carbon = self { true } else { false } }
}

extension SinkAddress: CustomStringConvertible {
    var description: String {
        switch self {
        case .carbon(let host, let port, _): "carbon://\(host.contains(":") ? "[\(host)]" : host):\(port)"
        case .file(let path, _): "file:\(path)"
        case .console: "console:"
        }
    }
}
