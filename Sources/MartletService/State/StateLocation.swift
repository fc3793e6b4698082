import MartletSettings

/// Where a service's state file is.
struct StateLocation: Sendable, Hashable {
    let path: String
    /// What miqro's service of that name left.
    let foreign: String

    init(name: String, environment: SettingsEnvironment = .process) {
        // systemd lists several folders between colons.
        let folders = environment.variables["STATE_DIRECTORY"]?.split(separator: ":") ?? []
        path = "\(folders.first ?? "/var/lib/martlet")/\(name).json"
        foreign = "/var/lib/miqro/data/\(name).yaml"
    }
}
