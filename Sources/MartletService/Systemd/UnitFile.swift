import MartletSettings

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The file of a service's unit, where systemd looks for it.
struct UnitFile {
    let unit: SystemdUnit
    let path: String

    /// - Parameters:
    ///   - folder: where; `nil`: where systemd has the machine's, or the user's.
    /// - Throws: ``ServiceCommandError`` if systemd could not run it so.
    init(_ unit: SystemdUnit, in folder: String?, environment: SettingsEnvironment) throws {
        let allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.-"
        guard !unit.name.isEmpty, unit.name.allSatisfy(allowed.contains) else {
            throw ServiceCommandError(message: "'\(unit.name)' can't be the name of a unit of systemd")
        }
        if unit.account != .caller { try Self.checkPaths(of: unit.command) }
        self.unit = unit
        let variables = environment.variables
        let home = variables["XDG_CONFIG_HOME"] ?? (variables["HOME"] ?? "") + "/.config"
        let usual = unit.account == .caller ? home + "/systemd/user" : "/etc/systemd/system"
        path = (folder ?? usual) + "/\(unit.name).service"
    }

    /// What a service of the machine can't read is no place for its program or its settings.
    private static func checkPaths(of command: [String]) throws {
        for path in command where path.hasPrefix("/") {
            for folder in ["/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/"] where path.hasPrefix(folder) {
                throw ServiceCommandError(
                    message:
                        "a service of the machine does not see \(path): put it elsewhere, such as below /usr/local "
                        + "or /etc, or have it run as yours, by --user"
                )
            }
        }
    }

    /// Writes it. A unit that something else wrote is left alone.
    func install() throws {
        try checkMark()
        let folder = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        // systemd may look at any moment.
        let new = path + ".new"
        try Data(unit.text.utf8).write(to: URL(fileURLWithPath: new))
        guard chmod(new, 0o644) == 0, rename(new, path) == 0 else {
            throw ServiceCommandError(message: "\(path): \(String(cString: strerror(errno)))")
        }
    }

    /// Removes it. A unit that something else wrote is left alone.
    func remove() throws {
        guard FileManager.default.fileExists(atPath: path) else {
            throw ServiceCommandError(message: "there is no \(path)")
        }
        try checkMark()
        try FileManager.default.removeItem(atPath: path)
    }

    private func checkMark() throws {
        guard let bytes = FileManager.default.contents(atPath: path) else { return }
        guard String(decoding: bytes, as: UTF8.self).hasPrefix(unit.mark) else {
            throw ServiceCommandError(message: "\(path) is not of this service's making, and stays as it is")
        }
    }

    /// What remains to be said to systemd.
    func hint(afterRemoving isRemoved: Bool) -> String {
        let systemctl = unit.account == .caller ? "systemctl --user" : "systemctl"
        let last = isRemoved ? "disable --now" : "enable --now"
        return "\(systemctl) daemon-reload && \(systemctl) \(last) \(unit.name)"
    }
}
