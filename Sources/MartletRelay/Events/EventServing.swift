import Martlet
import NIOCore
import NIOHTTP1

/// Serves one client of an ``EventSink``: on its channel's event loop.
final class EventServing: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let ring: EventRing
    private let options: EventSinkOptions
    private var head: HTTPRequestHead?
    private var patterns: [TopicPattern] = []
    /// The offset of the next event; `nil`: it gets none.
    private var offset: UInt64?
    private var beats: RepeatedTask?
    /// Whether there was room for it.
    private var isIn = false
    /// Whether nothing has gone out since the last beat.
    private var isStalled = false

    init(_ ring: EventRing, _ options: EventSinkOptions) {
        self.ring = ring
        self.options = options
    }

    func channelActive(context: ChannelHandlerContext) {
        // From the beginning, so that one that asks for nothing is closed, too.
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let interval = TimeAmount(options.heartbeat)
        beats = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            let (handler, context) = bound.value
            handler.beat(context)
        }
        let (channel, ring) = (context.channel, ring)
        isIn = ring.enter(channel) {
            bound.eventLoop.execute {
                let (handler, context) = bound.value
                handler.pump(context)
            }
        }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        beats?.cancel()
        beats = nil
        offset = nil
        ring.leave(context.channel)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: break
        case .end:
            guard let head, offset == nil else { return }
            self.head = nil
            respond(to: head, context)
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        pump(context)
        context.fireChannelWritabilityChanged()
    }

    // MARK: What it is asked for

    private func respond(to head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard isIn else { return answer(.serviceUnavailable, "there are too many clients\n", context) }
        let parts = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.first.map(String.init) == options.path else { return answer(.notFound, "not found\n", context) }
        guard head.method == .GET else { return answer(.methodNotAllowed, "only GET\n", context) }
        if let token = options.token, head.headers.first(name: "authorization") != "Bearer \(token.value)" {
            return answer(.unauthorized, "the token is missing or wrong\n", context)
        }
        do {
            for pair in (parts.count > 1 ? parts[1] : "").split(separator: "&") {
                let words = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard words[0] == "topic" else { continue }
                let text = words.count > 1 ? FieldText.unescaped(words[1]) : ""
                guard let text else { return answer(.badRequest, "the topic is not well written\n", context) }
                let pattern = TopicPattern(text)
                try pattern.validate()
                patterns.append(pattern)
            }
        } catch {
            return answer(.badRequest, "\((error as? MessagingError)?.message ?? "\(error)")\n", context)
        }
        // A proxy that packs the stream, or gathers it, would hold back events.
        var fields: HTTPHeaders = [
            "content-type": "text/event-stream", "cache-control": "no-store, no-transform", "x-accel-buffering": "no",
        ]
        // Whoever asks by an older version knows no chunks (RFC 9112, section 6.1): to him the stream ends with the connection.
        let version: HTTPVersion = head.version.major == 1 && head.version.minor >= 1 ? .http1_1 : .http1_0
        if version == .http1_0 { fields.add(name: "connection", value: "close") }
        context.write(
            wrapOutboundOut(.head(HTTPResponseHead(version: version, status: .ok, headers: fields))),
            promise: nil
        )
        offset = ring.start(behind: head.headers.first(name: "last-event-id"))
        send(Array(":\n\n".utf8), context)
        context.flush()
        pump(context)
    }

    // MARK: What it gets

    /// Sends what there is, as far as the client takes it.
    private func pump(_ context: ChannelHandlerContext) {
        guard var next = offset else { return }
        var hasWritten = false
        loop: while context.channel.isWritable {
            switch ring.next(at: &next, patterns) {
            case .event(let bytes):
                send(bytes, context)
                hasWritten = true
            case .nothing: break loop
            case .missed:
                offset = nil
                context.close(promise: nil)
                return
            }
        }
        offset = next
        guard hasWritten else { return }
        isStalled = false
        context.flush()
    }

    private func beat(_ context: ChannelHandlerContext) {
        // One that takes nothing for so long has gone, or asks for nothing.
        if isStalled, offset == nil || !context.channel.isWritable { return context.close(promise: nil) }
        isStalled = true
        guard offset != nil, context.channel.isWritable else { return }
        send(Array(":\n\n".utf8), context)
        context.flush()
    }

    private func send(_ bytes: [UInt8], _ context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
    }
}
