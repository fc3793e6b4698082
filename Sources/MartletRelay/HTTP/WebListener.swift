import Logging
import Martlet
import MartletListeners
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// A port on which a server of the web listens, under TLS if it has a certificate.
final class WebListener: Sendable {
    /// The port, also where it asked for any.
    let port: Int
    private let channel: any Channel
    private let tls: ServerContext?

    private init(_ channel: any Channel, _ tls: ServerContext?) {
        self.channel = channel
        self.tls = tls
        port = channel.localAddress?.port ?? 0
    }

    /// Listens.
    ///
    /// - Parameters:
    ///   - port: 0: one that is free.
    ///   - logger: told when it can take no connections.
    ///   - serve: makes what answers the requests of a client; called on the client's event loop.
    /// - Throws: `MessagingError.Code.notConnected` if it can't listen there, and `MessagingError.Code.invalidArgument` if the
    ///   certificate can't be used.
    static func open<Handler: ChannelInboundHandler>(
        host: String,
        port: Int,
        tls: TLSServerOptions?,
        logger: Logger = Logger(label: "martlet"),
        serve: @escaping @Sendable () -> Handler
    ) async throws -> WebListener {
        let context = try tls.map { try ServerContext($0) }
        let bootstrap = ServerBootstrap(group: WebClient.group)
            .serverChannelOption(.backlog, value: 128)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pause = AcceptPause { text, reason, count in
                        logger.error(
                            "\(text)",
                            metadata: ["port": "\(port)", "error": "\(reason)", "since-last": "\(count)"]
                        )
                    }
                    try channel.pipeline.syncOperations.addHandler(pause)
                }
            }
            // What a client does not read is not to wait in memory.
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 16 << 10, high: 64 << 10))
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let context { try pipeline.addHandler(NIOSSLServerHandler(context: context.context)) }
                    try pipeline.configureHTTPServerPipeline()
                    try pipeline.addHandler(serve())
                }
            }
        do {
            return WebListener(try await bootstrap.bind(host: host, port: port).get(), context)
        } catch {
            throw MessagingError(listeningOn: "\(host), port \(port)", failed: error)
        }
    }

    /// Reads a certificate and its key, and finds whether they can be used.
    static func check(_ tls: TLSServerOptions?) throws { _ = try tls.map { try ServerContext($0) } }

    /// Reads the certificate and its key anew, for clients that come from now on.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` if they can't be used; those before are shown on.
    func reload() throws { try tls?.reload() }

    /// Listens no more. Clients that are there stay.
    func close() async { try? await channel.close() }
}
