import IntegrationSupport

/// The brokers of the chaos.
struct ChaosStage: Sendable {
    let source: RabbitMQServer
    let sink: RabbitMQServer
    let redis: RedisServer
    let mosquitto: MosquittoServer

    /// Where each of them is.
    var ports: [ChaosRoute.Place: Int] {
        [.source: source.port, .sink: sink.port, .redis: redis.port, .mqtt: mosquitto.port]
    }

    /// Runs `body` with a proxy before each broker.
    func withProxies(_ body: ([ChaosRoute.Place: TCPProxy]) async throws -> Void) async throws {
        try await TCPProxy.withProxy(to: source.port) { source in
            try await TCPProxy.withProxy(to: sink.port) { sink in
                try await TCPProxy.withProxy(to: redis.port) { redis in
                    try await TCPProxy.withProxy(to: mosquitto.port) { mqtt in
                        try await body([.source: source, .sink: sink, .redis: redis, .mqtt: mqtt])
                    }
                }
            }
        }
    }

    /// What happens, one after the other.
    func trouble(_ proxies: [ChaosRoute.Place: TCPProxy]) -> [@Sendable () async throws -> Void] {
        let all = Array(proxies.values)
        return [
            { for proxy in all { try await proxy.cut(.reset) } },
            { try await source.restart() },
            { for proxy in all { try await proxy.cut(.close) } },
            { try await redis.restart() },
            {
                // In order, for what it has confirmed is on disk only then.
                try await mosquitto.terminate()
                try await mosquitto.start()
            },
            { try await sink.restart() },
            {
                for proxy in all {
                    try await proxy.refuseConnections()
                    try await proxy.cut(.reset)
                }
                try await Task.sleep(for: .milliseconds(300))
                for proxy in all { try await proxy.acceptConnections() }
            },
        ]
    }
}
