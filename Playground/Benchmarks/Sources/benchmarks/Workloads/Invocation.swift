import Foundation

/// One of the programs that are measured, and what it is told to do.
struct Invocation: Sendable, Hashable {
    /// The file's name beside this program's, or its path.
    let program: String
    /// What Python reads.
    var script: String?
    /// What comes before the workload.
    var transport: String?
    let workload: String
    /// The size of a message's body.
    var bytes = 64
    /// How many messages or calls are under way at a time.
    var window = 1
    /// What its environment has besides the broker's port.
    var environment: [String: String] = [:]

    static func martlet(_ transport: String, _ workload: String) -> Self {
        Self(program: "martlet-peer", transport: transport, workload: workload)
    }

    /// What stands on the transports: relays, the broker, databases.
    static func extra(_ transport: String, _ workload: String) -> Self {
        Self(program: "martlet-extras", transport: transport, workload: workload)
    }

    static func c(_ transport: String, _ workload: String) -> Self {
        Self(program: "c-\(transport)", workload: workload)
    }

    /// A program in Python of the system, with the packages that the system has for it.
    static func python(_ name: String, _ workload: String) -> Self {
        var folder = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { folder.deleteLastPathComponent() }
        let script = folder.appendingPathComponent("Python/\(name).py").path
        return Self(program: "/usr/bin/python3", script: script, workload: workload)
    }

    /// Where the program is.
    func path(in folder: String) -> String { program.hasPrefix("/") ? program : "\(folder)/\(program)" }

    func arguments(count: Int) -> [String] {
        [script, transport].compactMap { $0 } + [workload, "\(count)", "\(bytes)", "\(window)"]
    }

    func with(bytes: Int? = nil, window: Int? = nil, environment: [String: String]? = nil) -> Self {
        var copy = self
        copy.bytes = bytes ?? self.bytes
        copy.window = window ?? self.window
        copy.environment = environment ?? self.environment
        return copy
    }
}
