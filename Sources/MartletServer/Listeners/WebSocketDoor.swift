import MartletMQTTWire
import NIOCore
import NIOHTTP1
import NIOWebSocket

/// Has a channel become a WebSocket that carries MQTT, if the client asks for that (RFC 6455; MQTT 5, section 6).
struct WebSocketDoor: Sendable {
    let origins: [String]
    let connection: ClientConnection
    let limits: ServerLimits
    /// Adds what reads MQTT.
    let opened: @Sendable (any Channel) throws -> Void

    func configure(_ channel: any Channel) throws {
        let upgrader = NIOWebSocketServerUpgrader(
            maxFrameSize: limits.packetBytes,
            shouldUpgrade: { channel, head in channel.eventLoop.makeSucceededFuture(answer(to: head)) },
            upgradePipelineHandler: { channel, _ in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    // Before what reads frames, and behind TLS.
                    let decoder = try pipeline.context(handlerType: ByteToMessageHandler<WebSocketFrameDecoder>.self)
                    let limit = FrameLimit(limits.wire.connectBytes)
                    try pipeline.addHandler(limit, position: .before(decoder.handler))
                    try pipeline.addHandler(WebSocketBytes(connection))
                    try opened(channel)
                }
            }
        )
        let refusal = RequestRefusal(within: TimeAmount(limits.connectTimeout))
        let ends = NIOLoopBound(refusal, eventLoop: channel.eventLoop)
        try channel.pipeline.syncOperations.configureHTTPServerPipeline(
            withPipeliningAssistance: false,
            withServerUpgrade: (
                upgraders: [upgrader],
                completionHandler: { $0.pipeline.syncOperations.removeHandler(ends.value, promise: nil) }
            )
        )
        try channel.pipeline.syncOperations.addHandler(refusal)
    }

    /// What is said to who may open one; `nil`: it may not.
    private func answer(to head: HTTPRequestHead) -> HTTPHeaders? {
        // Clients of MQTT 3.1 call it by its version.
        let offered = head.headers[canonicalForm: "sec-websocket-protocol"]
        guard let chosen = offered.first(where: { $0 == "mqtt" || $0 == "mqttv3.1" }), isAllowed(head.headers) else {
            return nil
        }
        return ["Sec-WebSocket-Protocol": String(chosen)]
    }

    /// Whether the page that asks, if it is one, is of the listener's own host or of another that may.
    private func isAllowed(_ headers: HTTPHeaders) -> Bool {
        guard let origin = headers.first(name: "origin")?.lowercased(), !origins.contains("*") else { return true }
        if origins.contains(where: { $0.lowercased() == origin }) { return true }
        guard let authority = origin.split(separator: "/", maxSplits: 1).last?.drop(while: { $0 == "/" }),
            let own = headers.first(name: "host")?.lowercased()
        else { return false }
        let host = Self.host(of: own[...])
        // Whoever has a page may have its host's name lead to this machine by the time that the page asks.
        return Self.host(of: authority) == host && (!isLocal || Self.isLoopback(host))
    }

    /// Whether the client is a program of this machine that may be a browser: by a Unix socket none comes.
    private var isLocal: Bool { connection.isLoopback && !connection.address.isEmpty }

    /// A host without its port.
    private static func host(of authority: Substring) -> Substring {
        if authority.hasPrefix("[") { return authority.dropFirst().prefix { $0 != "]" } }
        return authority.prefix { $0 != ":" }
    }

    /// Whether a host is this machine, whatever servers of names say.
    private static func isLoopback(_ host: Substring) -> Bool {
        host == "localhost" || (try? SocketAddress(ipAddress: String(host), port: 0).isLoopback) == true
    }
}

/// Answers a request that opens no WebSocket, or none in time, and ends its connection.
private final class RequestRefusal: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let limit: TimeAmount
    private var timeout: Scheduled<Void>?

    init(within limit: TimeAmount) {
        self.limit = limit
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        timeout = context.eventLoop.scheduleTask(in: limit) { channel.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { timeout?.cancel() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(let head) = unwrapInboundIn(data) else { return }
        let asks = head.headers.contains(name: "sec-websocket-key")
        let text = asks ? "MQTT is spoken here, to pages of known origins\n" : "A WebSocket of MQTT is here\n"
        let headers: HTTPHeaders = [
            "Content-Type": "text/plain", "Content-Length": "\(text.utf8.count)", "Connection": "close",
        ]
        let status: HTTPResponseStatus = asks ? .forbidden : .upgradeRequired
        let answer = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        context.write(wrapOutboundOut(.head(answer)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Of a WebSocket that may not be opened the request still comes.
        if !(error is NIOWebSocketUpgradeError) { context.close(promise: nil) }
    }
}
