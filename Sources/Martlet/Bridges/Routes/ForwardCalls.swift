/// A route that passes calls on: callers on the bridge's `from:` side reach a responder on its `to:` side.
///
/// ```swift
/// ForwardCalls("ops.start", to: "thing.robotA.ops.start")
/// ```
///
/// Calls that answer with a stream pass as well. An error of the responder reaches the caller with its code and text,
/// and so does the error that there is no responder. On the other side the deadline is what the caller has left of its
/// own. A caller that cancels has the responder's handler cancelled. If the bridge loses the other side the caller is
/// told so, ``MessagingError/Code/bridgeFailed``; if the bridge is killed the caller's timeout ends the call, or
/// another bridge of the same route answers it, where the broker gives a request to another responder.
public struct ForwardCalls: Route {
    /// What it connects, such as `call ops.start → thing.robotA.ops.start`.
    public let name: String
    private let queue: QueueName
    private let target: QueueName
    private let side: BridgeSide
    private let options: CallRouteOptions
    /// Throws for a request that is not what the contract says.
    private let check: @Sendable (Message, ConnectionRuntime) throws -> Void

    /// - Parameters:
    ///   - name: the procedure's name for its callers.
    ///   - target: the procedure's name on the other side; by default the same.
    ///   - isBackwards: whether the callers are on the bridge's `to:` side and the responder on its `from:` side.
    ///   - options: how many calls are passed on at a time, and how long they wait.
    public init(
        _ name: QueueName,
        to target: QueueName? = nil,
        isBackwards: Bool = false,
        options: CallRouteOptions = CallRouteOptions()
    ) {
        self.init(name, to: target, isBackwards, options) { _, _ in }
    }

    private init(
        _ name: QueueName,
        to target: QueueName?,
        _ isBackwards: Bool,
        _ options: CallRouteOptions,
        check: @escaping @Sendable (Message, ConnectionRuntime) throws -> Void
    ) {
        self.check = check
        queue = name
        self.target = target ?? name
        side = isBackwards ? .to : .from
        self.options = options
        self.name = "call \(name) → \(self.target)\(isBackwards ? ", backwards" : "")"
    }

    /// Passes calls of a contract on. Whoever calls with a request that is not of its type gets
    /// ``MessagingError/Code/decodingFailed`` from the bridge; a request that is passes as it came.
    public init<Request, Response>(
        _ rpc: RPC<Request, Response>,
        to target: QueueName? = nil,
        isBackwards: Bool = false,
        options: CallRouteOptions = CallRouteOptions()
    ) {
        self.init(rpc.name, to: target, isBackwards, options, check: Self.check(Request.self, of: rpc.name))
    }

    /// Passes calls of a contract on that answers with a stream. Requests are checked as those of other contracts.
    public init<Request, Element>(
        _ rpc: StreamingRPC<Request, Element>,
        to target: QueueName? = nil,
        isBackwards: Bool = false,
        options: CallRouteOptions = CallRouteOptions()
    ) {
        self.init(rpc.name, to: target, isBackwards, options, check: Self.check(Request.self, of: rpc.name))
    }

    private static func check<Request: Decodable & Sendable>(
        _: Request.Type,
        of name: QueueName
    ) -> @Sendable (Message, ConnectionRuntime) throws -> Void {
        { request, source in
            let _: Request = try source.decode(request, from: name.text)
        }
    }

    /// What it will do.
    public func plans(between ends: BridgeEnds, options bridge: BridgeOptions) throws -> [RoutePlan] {
        try queue.validate()
        try target.validate()
        try options.validate(for: name)
        var warnings: [String] = []
        if !ends[side.other].capabilities.contains(.responderDetection) {
            warnings.append("\(ends[side.other].name) does not tell that there is no responder: such calls time out")
        }
        return [
            RoutePlan(
                name: name,
                source: side,
                warnings: warnings,
                reads: [RoutePlan.Place(side, queue)],
                writes: [RoutePlan.Place(side.other, target)],
                allowsLoop: options.allowsLoop
            )
        ]
    }

    /// Passes calls on.
    public func run(_ direction: Int, in context: RouteContext) async throws {
        let relay = CallRelay(
            target: target,
            options: options,
            context: context,
            caller: context.source,
            responder: context.sink
        )
        try await context.source.serve(
            queue,
            options: RespondOptions(concurrency: options.concurrency),
            deadline: .asRequested,
            onReady: context.ready
        ) { request in
            do {
                try check(request.message, context.source.runtime)
            } catch {
                context.count { statistics in
                    statistics.received += 1
                    statistics.lost += 1
                }
                throw error
            }
            return try await relay.answer(request)
        }
    }
}

/// How a route passes calls on.
public struct CallRouteOptions: Sendable, Hashable {
    /// How many calls it passes on at a time; more wait at their broker.
    public var concurrency: Int
    /// How long a call may take whose caller does not say how long it waits.
    public var timeout: Duration
    /// Whether the route may be part of a circle, which is then cut at run time: no call passes the bridge twice.
    public var allowsLoop: Bool

    /// A hundred calls at a time, of 30 s, unless told.
    public init(concurrency: Int = 100, timeout: Duration = .seconds(30), allowsLoop: Bool = false) {
        self.concurrency = concurrency
        self.timeout = timeout
        self.allowsLoop = allowsLoop
    }

    func validate(for route: String) throws {
        if concurrency < 1 {
            throw MessagingError(
                .invalidArgument,
                "the concurrency of route \(route) is \(concurrency); it must be at least 1"
            )
        }
        if timeout <= .zero {
            throw MessagingError(.invalidArgument, "the timeout of route \(route) is \(timeout); it must be positive")
        }
    }
}
