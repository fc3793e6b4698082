import IntegrationSupport
import Martlet
import MartletServer
import ServiceLifecycle

/// A server on ports of its own, for as long as a test runs.
func withServer<Result: Sendable>(
    _ broker: MemoryBroker = MemoryBroker(),
    listeners: [Listener] = [.mqtt(port: 0)],
    authenticator: some Authenticator = .anonymous,
    rules: AccessRules? = nil,
    store: BrokerStore = .none,
    settings: StoreSettings = StoreSettings(),
    limits: ServerLimits = ServerLimits(),
    systemTopics: Duration? = .seconds(10),
    _ body: (BrokerServer, Int) async throws -> Result
) async throws -> Result {
    let server = BrokerServer(
        broker,
        listeners: listeners,
        authenticator: authenticator,
        rules: rules,
        store: store,
        settings,
        limits: limits,
        systemTopics: systemTopics
    )
    return try await withThrowingTaskGroup { group in
        group.addTask { try await server.run() }
        defer { group.cancelAll() }
        let port = try await server.addresses.map(\.port).first { $0 > 0 } ?? 0
        return try await body(server, port)
    }
}

/// Everybody is who he says he is.
struct Named: Authenticator {
    func authenticate(_ credentials: ClientCredentials) async throws -> AuthenticationVerdict {
        .accepted(user: credentials.user)
    }
}
