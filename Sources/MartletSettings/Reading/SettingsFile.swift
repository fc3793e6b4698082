/// A file of settings that has been read: YAML (and so JSON), or INI. A pure value.
///
/// What is wrong in the file as such is known by now; whether its values are those that a program wants is found by
/// ``SettingsDecoder``. A file has at most 1 MiB, and its tables and lists are at most 32 deep in each other; YAML's anchors
/// and tags are refused.
public struct SettingsFile: Hashable, Sendable {
    /// How a file is written.
    public enum Format: Hashable, Sendable {
        case yaml
        /// As farine's files are: `[section]`, `key = value`. What the section `DEFAULT` says counts in the others,
        /// keys are in lower case, `%` is nothing special, a list is written with commas.
        case ini
    }

    /// How errors call the file: its path.
    public let name: String
    /// How it is written.
    public let format: Format
    let root: SettingsNode

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - path: where it is; it may be relative to the process' folder.
    ///   - format: how it is written; by default INI if it ends with `.ini`, `.cfg` or `.conf`, else YAML.
    /// - Throws: ``SettingsError`` if it can't be read, or where it is not as its format demands.
    public init(contentsOf path: String, format: Format? = nil) throws(SettingsError) {
        do throws(SettingsError) {
            try self.init(FileContents.text(of: path), name: path, format: format ?? Format(of: path))
        } catch {
            throw error.from(path)
        }
    }

    /// Reads a text.
    ///
    /// - Parameters:
    ///   - text: what would stand in a file.
    ///   - name: how errors call it.
    ///   - format: how it is written.
    /// - Throws: ``SettingsError`` where it is not as its format demands.
    public init(_ text: String, name: String, format: Format = .yaml) throws(SettingsError) {
        self.name = name
        self.format = format
        do throws(SettingsError) {
            guard text.utf8.count <= FileContents.limit else {
                throw SettingsError("it has more than \(SizeText.text(FileContents.limit))")
            }
            root =
                switch format {
                case .yaml: try YAMLReader.tree(of: text)
                case .ini: try INIReader.tree(of: text)
                }
        } catch {
            throw error.from(name)
        }
    }

    /// The first file that there is.
    ///
    /// ```swift
    /// let file = try SettingsFile.first(of: [
    ///     .named(config), .variable("MARTLET_CONFIG"), .variable("FARINE_INI", .ini),
    ///     "miqro.yml", "/etc/miqro.yml", "/etc/farine.ini",
    /// ])
    /// ```
    ///
    /// - Parameters:
    ///   - locations: where to look, in this order.
    ///   - environment: the variables that locations name.
    /// - Returns: `nil` if there is none.
    /// - Throws: ``SettingsError`` for the first one that there is, as ``init(contentsOf:format:)``; also if a file that
    ///   somebody has named, on the command line or in a variable, is not there.
    public static func first(
        of locations: [SettingsLocation],
        environment: SettingsEnvironment = .process
    ) throws(SettingsError) -> SettingsFile? {
        for location in locations {
            guard let (path, isNamed) = location.path(in: environment) else { continue }
            let format = location.format ?? Format(of: path)
            if isNamed { return try SettingsFile(contentsOf: path, format: format) }
            do throws(SettingsError) {
                guard let text = try FileContents.textIfPresent(of: path) else { continue }
                return try SettingsFile(text, name: path, format: format)
            } catch {
                throw error.from(path)
            }
        }
        return nil
    }
}

extension SettingsFile.Format {
    fileprivate init(of path: String) {
        let path = path.lowercased()
        self = [".ini", ".cfg", ".conf"].contains { path.hasSuffix($0) } ? .ini : .yaml
    }
}
