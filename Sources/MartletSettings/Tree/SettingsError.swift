import Martlet

/// What is wrong in settings, and where.
///
/// Its description begins as compilers' messages do, with file, line and column:
/// `/etc/miqro.yml:7:11: broker.port: it is "18x3" where a whole number is expected`. It holds no secret.
public struct SettingsError: Error, Hashable, Sendable {
    /// A place in a file, both counted from 1. Columns count Unicode's scalars.
    public struct Place: Hashable, Sendable {
        /// The number of the line.
        public var line: Int
        /// The number of the column.
        public var column: Int

        /// A place.
        public init(line: Int, column: Int) {
            self.line = line
            self.column = column
        }
    }

    /// The file, or the variable of the environment, that holds what is wrong; `nil` where there is neither.
    public var source: String?
    /// Where in the file it is; `nil` if it concerns the file as a whole, or is in no file.
    public var place: Place?
    /// The keys that lead there, such as `routes[2].rate`; empty for the file as a whole.
    public var path: String
    /// What is wrong, and what is allowed.
    public var message: String
    /// Whether a file could not be read at all.
    package var isUnreadable = false

    package init(_ message: String, path: String = "", at place: Place? = nil, in source: String? = nil) {
        self.source = source
        self.place = place
        self.path = path
        self.message = message
    }

    /// The error with its source, if it has none.
    package func from(_ source: String?) -> SettingsError {
        var error = self
        error.source = error.source ?? source
        return error
    }

    /// A text as errors quote it: without the secrets of a URL, and not too long.
    package static func quoting(_ text: String) -> String {
        guard text.contains("://") else { return quoted(text) }
        return quoted((try? BrokerURL(text))?.description ?? text.prefix { $0 != ":" } + "://…")
    }
}

extension SettingsError: CustomStringConvertible {
    /// On one line: file, line and column, the keys, what is wrong.
    public var description: String {
        var begin = source ?? ""
        if let place { begin += (begin.isEmpty ? "" : ":") + "\(place.line):\(place.column)" }
        return [begin, path, message].filter { !$0.isEmpty }.joined(separator: ": ")
    }
}
