import NIOCore

/// Told by the reader of MQTT that a client has said CONNECT: it may send longer frames from now on.
struct HasConnected: Sendable {}

/// Ends a WebSocket whose client sends a longer frame than a CONNECT may be before it has said that.
///
/// It stands before the decoder of frames, which would wait for the whole of one.
final class FrameLimit: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer

    private let limit: Int
    private var heads = FrameHeads()
    private var isOver = false

    init(_ limit: Int) {
        self.limit = limit
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if !isOver, !heads.read(unwrapInboundIn(data).readableBytesView, limit: limit) {
            return context.close(promise: nil)
        }
        context.fireChannelRead(data)
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is HasConnected else { return context.triggerUserOutboundEvent(event, promise: promise) }
        isOver = true
        promise?.succeed()
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}

/// The lengths that a WebSocket's frames say they have (RFC 6455, 5.2), as their bytes come. A pure value.
struct FrameHeads: Sendable {
    private var head: [UInt8] = []
    /// What is left of the frame whose head has come.
    private var left = 0

    /// Takes what has come.
    ///
    /// - Returns: whether each frame that has begun is short enough.
    mutating func read(_ bytes: some RandomAccessCollection<UInt8>, limit: Int) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let skipped = min(left, rest.count)
            left -= skipped
            rest = rest.dropFirst(skipped)
            while let next = rest.first, head.count < headCount {
                head.append(next)
                rest = rest.dropFirst()
            }
            guard head.count == headCount else { return true }
            let length = payloadLength
            guard length <= UInt64(limit) else { return false }
            left = Int(length)
            head = []
        }
        return true
    }

    /// How many bytes the head has, as far as that is known yet.
    private var headCount: Int {
        guard head.count >= 2 else { return 2 }
        let more = head[1] & 0x7F == 126 ? 2 : head[1] & 0x7F == 127 ? 8 : 0
        return 2 + more + (head[1] & 0x80 == 0 ? 0 : 4)
    }

    private var payloadLength: UInt64 {
        let short = head[1] & 0x7F
        guard short >= 126 else { return UInt64(short) }
        return head[2..<(short == 126 ? 4 : 10)].reduce(0) { $0 << 8 | UInt64($1) }
    }
}
