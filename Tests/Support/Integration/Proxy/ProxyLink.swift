#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// One connection through a proxy: a client's socket, a socket to the server, and the bytes between them.
struct ProxyLink {
    private struct Side {
        let socket: Socket
        /// Whether nothing can be read from or written to it any more.
        var isLost = false
    }

    private var client: Side
    private var server: Side
    private var toServer = ProxyFlow()
    private var toClient = ProxyFlow()
    /// Whether the link is over and its sockets may be closed.
    private(set) var isOver = false

    init(client: Socket, server: Socket) {
        self.client = Side(socket: client)
        self.server = Side(socket: server)
    }

    /// When something becomes due that no socket announces.
    func nextDue(after now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        [toServer.nextDue(after: now), toClient.nextDue(after: now)].compactMap(\.self).min()
    }

    /// What to wait for: the client's socket, then the server's.
    func requests(_ settings: ProxyControl.Settings, now: ContinuousClock.Instant) -> [pollfd] {
        ProxyDirection.allCases.map { direction in
            var events: Int32 = 0
            if isRead(direction, settings) { events |= Int32(POLLIN) }
            if self[direction.opposite].next(at: now) != nil { events |= Int32(POLLOUT) }
            // poll reports lost connections even if it is asked for nothing, and would do so without end. Those whose
            // descriptor is negative it leaves out.
            let source = self[sourceOf: direction]
            let isPolled = events != 0 && !source.isLost
            return pollfd(fd: isPolled ? source.socket.descriptor : -1, events: Int16(events), revents: 0)
        }
    }

    /// Reads and writes what the sockets allow. `results` are the requests after the wait.
    mutating func handle(
        _ results: ArraySlice<pollfd>,
        _ settings: inout ProxyControl.Settings,
        now: ContinuousClock.Instant
    ) {
        for (direction, result) in zip(ProxyDirection.allCases, results) where result.revents != 0 {
            // The mode may have changed during the wait.
            if isRead(direction, settings) { read(direction, &settings, now: now) }
        }
        for direction in ProxyDirection.allCases { write(direction, &settings, now: now) }
        passOnEnds(settings)
    }

    /// Ends the link.
    mutating func cut(_ cut: ProxyCut) {
        guard !isOver else { return }
        isOver = true
        for socket in [client.socket, server.socket] {
            switch cut {
            case .reset: socket.resetOnClose()
            // Said before the close, which would be a reset if there are bytes that have not been read.
            case .close: socket.endWriting()
            }
        }
    }

    private func isRead(_ direction: ProxyDirection, _ settings: ProxyControl.Settings) -> Bool {
        settings.modes[direction] != .stall && self[direction].hasRoom && !self[sourceOf: direction].isLost
    }

    private mutating func read(
        _ direction: ProxyDirection,
        _ settings: inout ProxyControl.Settings,
        now: ContinuousClock.Instant
    ) {
        switch self[sourceOf: direction].socket.read() {
        case .done(let bytes): take(bytes, direction, &settings, now: now)
        case .notNow: break
        case .ended: self[direction].isEnded = true
        case .lost: self[sourceOf: direction].isLost = true
        }
    }

    private mutating func take(
        _ bytes: [UInt8],
        _ direction: ProxyDirection,
        _ settings: inout ProxyControl.Settings,
        now: ContinuousClock.Instant
    ) {
        var due = now
        switch settings.modes[direction] {
        case .swallow:
            settings.counts.bytesSwallowed += bytes.count
            return
        case .delay(let duration): due += duration
        default: break
        }
        var bytes = bytes[...]
        if var limit = settings.limits[direction] {
            bytes = bytes.prefix(limit.remaining)
            limit.remaining -= bytes.count
            if limit.remaining == 0 { self[direction].finalCut = limit.cut }
            settings.limits[direction] = limit.remaining == 0 ? nil : limit
        }
        self[direction].append(bytes, due: due)
    }

    private mutating func write(
        _ direction: ProxyDirection,
        _ settings: inout ProxyControl.Settings,
        now: ContinuousClock.Instant
    ) {
        while let bytes = self[direction].next(at: now) {
            switch self[sourceOf: direction.opposite].socket.write(bytes) {
            case .done(let count):
                self[direction].drop(count)
                settings.counts.bytes[direction, default: 0] += count
            case .notNow: return
            case .ended, .lost:
                self[sourceOf: direction.opposite].isLost = true
                return
            }
        }
    }

    /// Lets each side learn of the other's end, where the mode lets anything through.
    private mutating func passOnEnds(_ settings: ProxyControl.Settings) {
        for direction in ProxyDirection.allCases where self[direction].isEmpty {
            if let final = self[direction].finalCut { return cut(final) }
            switch settings.modes[direction] {
            case .swallow, .stall: continue
            default: break
            }
            if self[sourceOf: direction].isLost { return cut(.reset) }
            guard self[direction].isEnded, !self[direction].isDone else { continue }
            self[direction].isDone = true
            self[sourceOf: direction.opposite].socket.endWriting()
        }
        if toServer.isDone, toClient.isDone { cut(.close) }
    }

    private subscript(direction: ProxyDirection) -> ProxyFlow {
        get { direction == .toServer ? toServer : toClient }
        set { if direction == .toServer { toServer = newValue } else { toClient = newValue } }
    }

    private subscript(sourceOf direction: ProxyDirection) -> Side {
        get { direction == .toServer ? client : server }
        set { if direction == .toServer { client = newValue } else { server = newValue } }
    }
}
