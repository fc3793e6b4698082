public import Logging

/// What a route is given to work with.
public struct RouteContext: Sendable {
    /// Where it logs: says which bridge and which route.
    public let logger: Logger
    /// The bridge's connections.
    let from: any Connection
    let to: any Connection
    let bridgeMark: BridgeMark
    let options: BridgeOptions
    /// What the route does: the plan it was made for.
    public let plan: RoutePlan
    /// Whether it may hear what the bridge itself publishes.
    let isInLoop: Bool
    let recorder: RouteRecorder
    let onReady: @Sendable () -> Void

    subscript(side: BridgeSide) -> any Connection { side == .from ? from : to }

    /// The connection that it reads from.
    public var source: any Connection { self[plan.source] }
    /// The connection that it writes to.
    public var sink: any Connection { self[plan.source.other] }

    var timers: Timers { source.runtime.timers }

    /// Says that nothing that is sent from now on is missed; ``Bridge/waitUntilReady(within:)`` waits for it. To say it twice
    /// is no error.
    public func ready() { onReady() }

    /// Says in the log what went wrong: once a minute at most for each subject.
    public func warn(_ subject: String, _ error: (any Error)? = nil) {
        guard recorder.isDue(subject, at: timers.now) else { return }
        logger.warning("\(subject)", metadata: error.map { ["error": "\($0)"] })
    }

    /// Whether headers say no more than what any AMQP client says of any message: that it is JSON, and its ID.
    static func isPlain(_ headers: Headers) -> Bool {
        headers.allSatisfy { name, value in
            switch name {
            case Headers.Standard.messageID: true
            case Headers.Standard.contentType: value.string.map(Envelope.isJSON) ?? false
            default: false
            }
        }
    }

    /// Marks a message as having passed the bridge, as far as the options say.
    func mark(_ message: inout Message, origin: String) {
        switch options.marking {
        case .never: return
        case .whereNative where Self.isPlain(message.headers) && !sink.capabilities.contains(.separateHeaders):
            message.headers = Headers()
            return
        case .whereNative, .always: break
        }
        bridgeMark.mark(&message.headers, origin: origin)
        if message.headers.messageID == nil { message.headers.messageID = CallTable.makeID(source.runtime.random) }
    }
}
