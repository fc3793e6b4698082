import NIOCore

/// What stands next to a client's socket, beneath TLS and WebSockets.
///
/// It counts what comes: these keep a part of a record or of a frame until it is whole, however long that takes. And it closes the
/// socket where TLS would wait for a client to say that it has heard of the end.
final class SocketWatch: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let connection: ClientConnection

    init(_ connection: ClientConnection) {
        self.connection = connection
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        connection.countUnfinished(unwrapInboundIn(data).readableBytes)
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
