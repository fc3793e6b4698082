/// A server for everybody in this process who does not harm it. It starts when it is first asked for.
///
/// It belongs to no scope: it ends with the process, as every ``ChildProcess`` does.
package actor SharedServer<Server: ControlledServer> {
    private var server: Server?
    private var isStarting = false

    package init() {}

    /// The running server. If somebody has ended it after all, it is started again.
    package func callAsFunction(_ make: @Sendable () throws -> Server) async throws -> Server {
        // Whoever starts it may be cancelled; somebody else then takes the turn.
        while isStarting { try await Task.sleep(for: .milliseconds(5)) }
        isStarting = true
        defer { isStarting = false }
        let server = try server ?? make()
        self.server = server
        try await server.start()
        return server
    }
}
