#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What a proxy's thread does: wait for its sockets and for orders, pass bytes on, and again.
struct ProxyLoop {
    private let control: ProxyControl
    private var listener: Socket?
    private var links: [ProxyLink] = []

    /// Returns when it has been told to stop, and everything is closed.
    static func run(_ control: ProxyControl) {
        var loop = ProxyLoop(control: control)
        while loop.carryOutOrders() { loop.wait() }
    }

    private init(control: ProxyControl) {
        self.control = control
    }

    /// Returns `false` if there is nothing to do any more.
    private mutating func carryOutOrders() -> Bool {
        var goesOn = true
        for order in control.takeOrders() {
            switch order.command {
            case .cut(let cut): end(cut)
            case .refuse: stopListening()
            case .accept:
                do { try listen() } catch {
                    order.done.resume(throwing: error)
                    continue
                }
            case .stop:
                stopListening()
                end(.reset)
                goesOn = false
            }
            order.done.resume()
        }
        return goesOn
    }

    private mutating func wait() {
        let now = ContinuousClock.now
        let settings = control.settings { $0 }
        var requests = [
            pollfd(fd: control.alarmed.descriptor, events: Int16(POLLIN), revents: 0),
            // Those that are negative are not looked at.
            pollfd(fd: listener?.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
        ]
        for link in links { requests += link.requests(settings, now: now) }
        poll(&requests, nfds_t(requests.count), timeout(now: now))

        if requests[0].revents != 0 { while case .done = control.alarmed.read() {} }
        passOn(requests.dropFirst(2))
        if requests[1].revents != 0 { accept() }
    }

    /// How many milliseconds to wait at most; -1 is without an end.
    private func timeout(now: ContinuousClock.Instant) -> Int32 {
        // What is due already waits for room in its socket.
        let due = links.compactMap { $0.nextDue(after: now) }.min()
        guard let due else { return -1 }
        let (seconds, attoseconds) = now.duration(to: due).components
        return Int32(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000 + 1)
    }

    private mutating func passOn(_ results: ArraySlice<pollfd>) {
        let now = ContinuousClock.now
        // Under the lock, so that nothing is read in a mode that has been changed already. Nothing here waits.
        links = control.settings { [links] settings in
            var links = links
            var results = results
            for index in links.indices {
                links[index].handle(results.prefix(2), &settings, now: now)
                results = results.dropFirst(2)
            }
            links.removeAll(where: \.isOver)
            settings.counts.openConnections = links.count
            return links
        }
    }

    private mutating func accept() {
        while let client = listener?.accept() {
            // A proxy that can't even make a socket ends the client's connection.
            guard let server = try? Socket.connecting(to: control.server) else { continue }
            try? client.setOption(TCP_NODELAY, level: Int32(IPPROTO_TCP))
            links.append(ProxyLink(client: client, server: server))
            control.settings {
                $0.counts.connections += 1
                $0.counts.openConnections += 1
            }
        }
    }

    private mutating func end(_ cut: ProxyCut) {
        for index in links.indices { links[index].cut(cut) }
        links = []
        control.settings { $0.counts.openConnections = 0 }
    }

    /// Nobody listens on the port any more, also where a program that is being started has the socket for a moment.
    private mutating func stopListening() {
        listener?.end()
        listener = nil
    }

    private mutating func listen() throws {
        guard listener == nil else { return }
        let listener = try Socket()
        try listener.setOption(SO_REUSEADDR)
        try listener.bind(.loopback(port: control.port))
        try listener.listen()
        self.listener = listener
    }
}
