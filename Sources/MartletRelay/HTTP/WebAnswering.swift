import NIOCore
import NIOHTTP1

/// Whole answers of a server of the web, after which the connection is closed.
extension ChannelInboundHandler where OutboundOut == HTTPServerResponsePart {
    func answer(
        _ status: HTTPResponseStatus,
        _ text: String,
        type: String = "text/plain; charset=utf-8",
        isHead: Bool = false,
        _ context: ChannelHandlerContext
    ) {
        let fields: HTTPHeaders = [
            "content-type": type, "content-length": "\(text.utf8.count)", "cache-control": "no-store",
            "connection": "close",
        ]
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: fields)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if !isHead { context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil) }
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in bound.value.close(promise: nil) }
    }
}
