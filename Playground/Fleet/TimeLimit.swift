import ServiceLifecycle

/// A service that ends after a time, or when shutdown begins.
struct TimeLimit: Service {
    let duration: Duration

    func run() async throws {
        try? await cancelWhenGracefulShutdown { try await Task.sleep(for: duration) }
    }
}
