import Martlet
import NIOCore
import NIOHTTP1
import Synchronization

/// How many clients a ``StatusServer`` has.
final class StatusClients: Sendable {
    private let count = Mutex(0)
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    func enter() -> Bool {
        count.withLock { count in
            guard count < limit else { return false }
            count += 1
            return true
        }
    }

    func leave() { count.withLock { $0 -= 1 } }
}

/// Answers one request of a client of a ``StatusServer``: on its channel's event loop.
final class StatusServing: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let bridge: Bridge
    private let options: StatusServerOptions
    private let clients: StatusClients
    private var head: HTTPRequestHead?
    private var isIn = false
    private var end: Scheduled<Void>?

    init(_ bridge: Bridge, _ options: StatusServerOptions, _ clients: StatusClients) {
        self.bridge = bridge
        self.options = options
        self.clients = clients
    }

    func channelActive(context: ChannelHandlerContext) {
        isIn = clients.enter()
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        end = context.eventLoop.scheduleTask(in: TimeAmount(options.timeout)) { bound.value.close(promise: nil) }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        end?.cancel()
        if isIn { clients.leave() }
        isIn = false
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: break
        case .end:
            guard let head else { return }
            self.head = nil
            respond(to: head, context)
        }
    }

    private func respond(to head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard isIn else { return answer(.serviceUnavailable, "there are too many clients\n", context) }
        let path = head.uri.prefix { $0 != "?" }
        guard ["/metrics", "/health"].contains(path) else { return answer(.notFound, "not found\n", context) }
        guard [.GET, .HEAD].contains(head.method) else { return answer(.methodNotAllowed, "only GET\n", context) }
        let isHead = head.method == .HEAD
        if path == "/health" {
            let status = HealthReport(of: bridge)
            return answer(
                status.isWell ? .ok : .serviceUnavailable,
                status.text,
                type: "application/json",
                isHead: isHead,
                context
            )
        }
        if let token = options.token, head.headers.first(name: "authorization") != "Bearer \(token.value)" {
            return answer(.unauthorized, "the token is missing or wrong\n", context)
        }
        answer(.ok, PrometheusText(of: bridge).text, type: PrometheusText.mediaType, isHead: isHead, context)
    }
}

/// How the routes of a bridge are, as `/health` tells it.
struct HealthReport {
    let isWell: Bool
    let text: String

    init(of bridge: Bridge) {
        let health = bridge.health
        isWell = !health.isEmpty && !health.contains { [.failed, .idle].contains($0.state) }
        let routes: [JSON] = health.map { part in
            var route: JSON = ["route": .string(part.name), "state": .string(part.state.rawValue)]
            if let error = part.lastError { route["error"] = .string(error) }
            return route
        }
        let report: JSON = [
            "status": .string(isWell ? "ok" : "failing"), "bridge": .string(bridge.name), "routes": .array(routes),
        ]
        text = String(decoding: report.bytes, as: UTF8.self) + "\n"
    }
}
