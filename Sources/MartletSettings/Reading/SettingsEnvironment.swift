#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What counts more than a file of settings: the variables of the environment, and systemd's credentials.
///
/// The name of a variable is made from the key that is asked for, never the other way round, so that `_` has one meaning:
/// `customValue` (or `custom_value`) of the section `echo` is `MARTLET_ECHO_CUSTOM_VALUE`, `host` of a table `database` in
/// it is `MARTLET_ECHO_DATABASE_HOST`, and `logLevel` of no section is `MARTLET_LOG_LEVEL`. For each key there is, in this
/// order:
///
/// | where | what |
/// |---|---|
/// | `MARTLET_ECHO_PASSWORD` | the value; a list is written with commas |
/// | `MARTLET_ECHO_PASSWORD_FILE` | the path of a file that holds the value |
/// | `$CREDENTIALS_DIRECTORY/echo.password` | the value, as systemd's `LoadCredential=echo.password:…` provides it |
///
/// An empty variable counts as none, and so does a folder of credentials that is not there; one that can't be read is an error.
/// The line end that editors leave behind a file's text does not belong to the value.
public struct SettingsEnvironment: Sendable {
    /// The variables.
    public var variables: [String: String]
    /// How the names of variables begin; `MARTLET` unless told.
    public var prefix: String

    /// An environment of its own, as a test has it.
    ///
    /// - Parameters:
    ///   - variables: their values by their names.
    ///   - prefix: how the names of those begin that are for settings.
    public init(_ variables: [String: String], prefix: String = "MARTLET") {
        self.variables = variables
        self.prefix = prefix
    }

    /// That of the process.
    public static var process: SettingsEnvironment { SettingsEnvironment(ProcessInfo.processInfo.environment) }

    /// Nothing: the file alone counts.
    public static let none = SettingsEnvironment([:])

    /// What stands in a variable; `nil` also if that is empty.
    func text(of name: String) -> String? {
        guard let text = variables[name], !text.isEmpty else { return nil }
        return text
    }

    /// The variable for a key, such as `MARTLET_ECHO_CUSTOM_VALUE`; `nil` for keys without letters and digits.
    ///
    /// - Parameter keys: the section and the keys in it that lead to the value.
    func variable(for keys: [String]) -> String? {
        let words = keys.map(KeySpelling.snake)
        guard !words.isEmpty, !words.contains("") else { return nil }
        return ([prefix] + words).joined(separator: "_").uppercased()
    }

    /// The file that a credential for a key would be in.
    func credential(for keys: [String]) -> String? {
        guard let folder = text(of: "CREDENTIALS_DIRECTORY") else { return nil }
        let words = keys.map(KeySpelling.snake)
        return words.isEmpty || words.contains("") ? nil : folder + "/" + words.joined(separator: ".")
    }

    /// The names of the credentials that there are.
    ///
    /// - Throws: ``SettingsError`` if that can't be told: a folder that can't be read is not an empty one.
    func credentials() throws(SettingsError) -> [String] {
        let variable = "CREDENTIALS_DIRECTORY"
        guard let folder = text(of: variable) else { return [] }
        do throws(SettingsError) {
            return try FileContents.names(in: folder)
        } catch {
            throw SettingsError("the folder that it names can't be read: \(error.message)", in: variable)
        }
    }

    /// The variables and credentials that may be for a key, or for keys of a table that it leads to.
    ///
    /// - Parameter credentials: the names of those that there are.
    func mentions(of keys: [String], among credentials: [String]) -> [String] {
        guard let name = variable(for: keys) else { return [] }
        let variables = variables.filter { !$0.value.isEmpty && ($0.key == name || $0.key.hasPrefix(name + "_")) }
        guard let folder = text(of: "CREDENTIALS_DIRECTORY"), let path = credential(for: keys) else {
            return variables.map(\.key)
        }
        let file = String(path.dropFirst(folder.count + 1))
        let files = credentials.filter { $0 == file || $0.hasPrefix(file + ".") }
        return variables.map(\.key) + files.map { "\(folder)/\($0)" }
    }
}

extension SettingsEnvironment: CustomStringConvertible, CustomReflectable {
    /// How many variables there are: their values may be secrets.
    public var description: String { "\(variables.count) variables" }

    /// What `dump` shows: only the description.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
