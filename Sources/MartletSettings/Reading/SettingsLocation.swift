/// Where a file of settings may be; see ``SettingsFile/first(of:environment:)``. A literal is a path where one may be.
public struct SettingsLocation: Hashable, Sendable, ExpressibleByStringLiteral {
    private enum Kind: Hashable, Sendable {
        case path(String)
        case named(String?)
        case variable(String)
    }

    private let kind: Kind
    let format: SettingsFile.Format?

    /// A path where a file may be, or not.
    ///
    /// - Parameters:
    ///   - path: it may be relative to the process' folder.
    ///   - format: how the file is written; by default as its name says.
    public static func path(_ path: String, _ format: SettingsFile.Format? = nil) -> SettingsLocation {
        SettingsLocation(kind: .path(path), format: format)
    }

    /// A path that somebody has named, on a command line for instance: a file has to be there.
    ///
    /// - Parameters:
    ///   - path: `nil` if nobody has.
    ///   - format: how the file is written; by default as its name says.
    public static func named(_ path: String?, _ format: SettingsFile.Format? = nil) -> SettingsLocation {
        SettingsLocation(kind: .named(path), format: format)
    }

    /// A path that stands in a variable of the environment: if it is set, and not empty, a file has to be there.
    ///
    /// - Parameters:
    ///   - name: the variable's.
    ///   - format: how the file is written; by default as its name says.
    public static func variable(_ name: String, _ format: SettingsFile.Format? = nil) -> SettingsLocation {
        SettingsLocation(kind: .variable(name), format: format)
    }

    private init(kind: Kind, format: SettingsFile.Format?) {
        self.kind = kind
        self.format = format
    }

    /// A path where a file may be, or not.
    public init(stringLiteral path: String) { self = .path(path) }

    /// The path, and whether somebody has named it; `nil` if there is none.
    func path(in environment: SettingsEnvironment) -> (String, isNamed: Bool)? {
        switch kind {
        case .path(let path): (path, false)
        case .named(let path): path.map { ($0, true) }
        case .variable(let name): environment.text(of: name).map { ($0, true) }
        }
    }
}
