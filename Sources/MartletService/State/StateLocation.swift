import MartletSettings

/// Where a service's state file is.
struct StateLocation: Sendable, Hashable {
    let path: String
    /// What miqro's service of that name left.
    let foreign: String
    /// What it has announced to others.
    let announcements: String

    init(name: String, environment: SettingsEnvironment = .process) {
        // systemd lists several folders between colons.
        let folders = environment.variables["STATE_DIRECTORY"]?.split(separator: ":") ?? []
        self.init(name: name, in: folders.first.map(String.init) ?? "/var/lib/martlet")
    }

    init(name: String, in folder: String) {
        path = "\(folder)/\(name).json"
        foreign = "/var/lib/miqro/data/\(name).yaml"
        announcements = "\(folder)/\(name).announced.json"
    }
}
