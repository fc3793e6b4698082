/// One of the programs that are measured, and what it is told to do.
struct Invocation: Sendable, Hashable {
    /// The file's name.
    let program: String
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

    static func c(_ transport: String, _ workload: String) -> Self {
        Self(program: "c-\(transport)", workload: workload)
    }

    func arguments(count: Int) -> [String] {
        (transport.map { [$0] } ?? []) + [workload, "\(count)", "\(bytes)", "\(window)"]
    }

    func with(bytes: Int? = nil, window: Int? = nil, environment: [String: String]? = nil) -> Self {
        var copy = self
        copy.bytes = bytes ?? self.bytes
        copy.window = window ?? self.window
        copy.environment = environment ?? self.environment
        return copy
    }
}
