import NIOCore

/// What stands next to a client's socket, beneath TLS and WebSockets.
///
/// It counts what comes: these keep a part of a record or of a frame until it is whole, however long that takes. And it closes the
/// socket where TLS would wait for a client to say that it has heard of the end.
final class SocketWatch: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// A record of TLS adds so many bytes at most to what it carries (TLS 1.2's with AES-GCM: RFC 5246, 6.2.3.3, and RFC 5288).
    private static let recordBytes = 29

    private let connection: ClientConnection
    private let added: Int

    init(_ connection: ClientConnection, isTLS: Bool) {
        self.connection = connection
        added = isTLS ? Self.recordBytes : 0
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        connection.countUnfinished(max(0, unwrapInboundIn(data).readableBytes - added))
        context.fireChannelRead(data)
    }

    /// Closes a channel's socket at once. Called on its loop.
    static func closeSocket(of channel: any Channel) {
        if let context = try? channel.pipeline.syncOperations.context(handlerType: Self.self) {
            context.close(promise: nil)
        } else {
            channel.close(promise: nil)
        }
    }
}
