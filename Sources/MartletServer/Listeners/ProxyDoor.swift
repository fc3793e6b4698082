import NIOCore

/// Waits for what a proxy says of its client, then lets that client's bytes through.
final class ProxyDoor: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let limit: TimeAmount
    /// Adds what reads the client's bytes, behind this. `nil`: the proxy speaks for itself.
    private let opened: (SocketAddress?) throws -> Void
    private var received = ByteBuffer()
    private var timeout: Scheduled<Void>?
    private var isOpen = false

    init(within limit: TimeAmount, _ opened: @escaping (SocketAddress?) throws -> Void) {
        self.limit = limit
        self.opened = opened
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        timeout = context.eventLoop.scheduleTask(in: limit) { channel.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { timeout?.cancel() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOpen else { return context.fireChannelRead(data) }
        var bytes = unwrapInboundIn(data)
        received.writeBuffer(&bytes)
        switch ProxyHeader.read(received.readableBytesView) {
        case .incomplete: break
        case .invalid: context.close(promise: nil)
        case .header(let header, let count):
            isOpen = true
            timeout?.cancel()
            received.moveReaderIndex(forwardBy: count)
            do {
                try opened(header.source)
            } catch {
                return context.close(promise: nil)
            }
            if received.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(received)) }
            received = ByteBuffer()
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
        }
    }
}
