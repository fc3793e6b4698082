import NIOCore
import NIOWebSocket

/// The bytes in a WebSocket's frames. Where one frame ends and another begins means nothing (MQTT 5, 6.0.0-2).
final class WebSocketBytes: ChannelDuplexHandler {
    typealias InboundIn = WebSocketFrame
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = WebSocketFrame

    /// The bytes around the data of a client's short frame: its head and the mask (RFC 6455, 5.2).
    private static let frameBytes = 6

    private let connection: ClientConnection
    private var hasEnded = false
    /// Whether a frame has come that others are to continue.
    private var isContinued = false

    init(_ connection: ClientConnection) {
        self.connection = connection
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        guard !hasEnded else { return }
        // A client's frames are masked (RFC 6455, 5.1), and no extension was agreed on that would use the other bits (5.2).
        guard frame.maskKey != nil, !frame.rsv1, !frame.rsv2, !frame.rsv3 else { return end(context, .protocolError) }
        // It is part of no packet.
        if frame.opcode.isControlOpcode { connection.countUnfinished(-frame.data.readableBytes - Self.frameBytes) }
        switch frame.opcode {
        case .binary, .continuation:
            // What was begun is continued before anything else is begun (5.4).
            guard isContinued == (frame.opcode == .continuation) else { return end(context, .protocolError) }
            isContinued = !frame.fin
            context.fireChannelRead(wrapInboundOut(frame.unmaskedData))
        case .ping:
            // Of a client that takes nothing more, answers would pile up.
            guard context.channel.isWritable else { return }
            let pong = WebSocketFrame(fin: true, opcode: .pong, data: frame.unmaskedData)
            context.writeAndFlush(wrapOutboundOut(pong), promise: nil)
        case .pong:
            break
        case .connectionClose:
            end(context, .normalClosure)
        case .text:
            end(context, .unacceptableData)
        default:
            end(context, .protocolError)
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let frame = WebSocketFrame(fin: true, opcode: .binary, data: unwrapOutboundIn(data))
        context.write(wrapOutboundOut(frame), promise: promise)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        sayGoodbye(context, .normalClosure)
        context.close(mode: mode, promise: promise)
    }

    private func end(_ context: ChannelHandlerContext, _ code: WebSocketErrorCode) {
        sayGoodbye(context, code)
        context.close(promise: nil)
    }

    private func sayGoodbye(_ context: ChannelHandlerContext, _ code: WebSocketErrorCode) {
        guard !hasEnded else { return }
        hasEnded = true
        var bytes = context.channel.allocator.buffer(capacity: 2)
        bytes.write(webSocketErrorCode: code)
        context.writeAndFlush(
            wrapOutboundOut(WebSocketFrame(fin: true, opcode: .connectionClose, data: bytes)),
            promise: nil
        )
    }
}
