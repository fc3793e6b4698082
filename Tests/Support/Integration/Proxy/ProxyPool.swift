import Synchronization

/// Several proxies to one server: one for each connection whose link is to be cut alone.
package final class ProxyPool: Sendable {
    package struct Exhausted: Error {}

    private let proxies: Mutex<[TCPProxy]>

    private init(_ proxies: [TCPProxy]) {
        self.proxies = Mutex(proxies)
    }

    /// One that nobody has.
    package func take() throws -> TCPProxy {
        guard let proxy = proxies.withLock({ $0.popLast() }) else { throw Exhausted() }
        return proxy
    }

    package static func withPool(of count: Int, to port: Int, _ body: (ProxyPool) async throws -> Void) async throws {
        try await withProxies(count, to: port, []) { try await body(ProxyPool($0)) }
    }

    private static func withProxies(
        _ count: Int,
        to port: Int,
        _ proxies: [TCPProxy],
        _ body: ([TCPProxy]) async throws -> Void
    ) async throws {
        guard count > proxies.count else { return try await body(proxies) }
        try await TCPProxy.withProxy(to: port) { proxy in
            try await withProxies(count, to: port, proxies + [proxy], body)
        }
    }
}
