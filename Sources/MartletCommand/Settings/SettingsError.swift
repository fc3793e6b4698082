import Martlet
import MartletConsole

/// What is wrong in a file of settings, and where.
struct SettingsError: Error, Hashable {
    /// A place in the file, both counted from 1.
    struct Place: Hashable, Sendable {
        var line: Int
        var column: Int
    }

    var place: Place?
    /// The keys that lead there, such as `routes[2].rate`; empty for the file as a whole.
    var path: String
    /// What was wrong and what is allowed.
    var message: String

    init(_ message: String, path: String = "", at place: Place? = nil) {
        self.place = place
        self.path = path
        self.message = message
    }

    /// What the command says about it.
    ///
    /// - Parameter file: `nil`: the command line said it all.
    func failure(in file: String?) -> Failure {
        guard let file else { return Failure(.usage, message) }
        let place = place.map { ":\($0.line):\($0.column)" } ?? ""
        return Failure(
            .usage,
            "\(file)\(place): \(path.isEmpty ? "" : path + ": ")\(message)",
            advice: "The documentation's article on bridges has a table of all keys."
        )
    }

    /// A text as errors quote it: without the secrets of a URL, and not too long.
    static func quoting(_ text: String) -> String {
        guard text.contains("://") else { return quoted(text) }
        return quoted(BrokerAddress(text)?.description ?? text.prefix { $0 != ":" } + "://…")
    }
}
