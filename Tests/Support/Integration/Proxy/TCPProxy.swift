import Foundation
import Synchronization

/// A network that tests can break: it listens on a port of its own and passes everything on to a server, as long as it is
/// not told otherwise.
///
/// A thread does the work. What is set here holds for all bytes that it reads afterwards.
package final class TCPProxy: Sendable {
    /// The port on 127.0.0.1 that clients connect to.
    package var port: Int { reservation.number }
    private let reservation: ReservedPort
    private let control: ProxyControl

    private init(to server: SocketAddress) throws {
        reservation = try ReservedPort()
        control = try ProxyControl(port: reservation.number, server: server)
    }

    /// Runs `body` with a proxy to a server on this machine. When `body` is done, every connection is reset and nothing
    /// of the proxy is left.
    package static func withProxy<Result>(
        to server: SocketAddress,
        _ body: (TCPProxy) async throws -> Result
    ) async throws -> Result {
        let proxy = try TCPProxy(to: server)
        let control = proxy.control
        Thread.detachNewThread { ProxyLoop.run(control) }
        let result: Swift.Result<Result, any Error>
        do {
            try await proxy.acceptConnections()
            result = .success(try await body(proxy))
        } catch {
            result = .failure(error)
        }
        try await control.perform(.stop)
        return try result.get()
    }

    /// Runs `body` with a proxy to a port of 127.0.0.1.
    package static func withProxy<Result>(
        to port: Int,
        _ body: (TCPProxy) async throws -> Result
    ) async throws -> Result {
        try await withProxy(to: .loopback(port: port), body)
    }

    /// What has gone through so far.
    package var counts: ProxyCounts { control.settings { $0.counts } }

    /// Changes what is done with the bytes of some directions, by default of both, of all connections, also future ones.
    package func set(_ mode: ProxyMode, _ directions: ProxyDirection...) {
        control.change { settings in
            for direction in directions.isEmpty ? ProxyDirection.allCases : directions {
                settings.modes[direction] = mode
            }
        }
    }

    /// Ends all connections, and returns when that is done. New ones may come at once, unless they are refused: see
    /// ``refuseConnections()``. What had been read and not yet passed on is lost.
    package func cut(_ cut: ProxyCut = .reset) async throws {
        try await control.perform(.cut(cut))
    }

    /// Passes on exactly `bytes` more bytes in one direction, over all connections, and then ends the connection that
    /// carried the last of them. After that there is no limit any more.
    ///
    /// With ``ProxyCut/reset`` the receiver may lose some of the bytes that it has not yet read.
    package func cut(_ cut: ProxyCut = .close, after bytes: Int, _ direction: ProxyDirection) {
        control.change { $0.limits[direction] = ProxyLimit(remaining: bytes, cut: cut) }
    }

    /// Refuses new connections from now on, as a machine does on which no server runs. Open ones stay.
    package func refuseConnections() async throws {
        try await control.perform(.refuse)
    }

    /// Accepts connections again.
    package func acceptConnections() async throws {
        try await control.perform(.accept)
    }
}
