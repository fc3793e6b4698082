import Martlet
import MartletConsole
import MartletServer

/// How a broker stands at a moment.
struct BrokerFigures: Sendable {
    let time: ContinuousClock.Instant
    let server: ServerStatistics
    let broker: BrokerStatistics
    let presence: BrokerPresence
    /// For how many topics a message is retained.
    let retained: Int
}

/// The figures of a broker as lines that fit: how much there is, its queues, and its clients. A pure value.
struct BrokerTable {
    private static let columnWidth = 10

    /// The lines, the first of which is the title.
    ///
    /// - Parameter before: what was so some time ago, for what comes in a second.
    static func lines(
        _ title: String,
        _ now: BrokerFigures,
        since before: BrokerFigures?,
        size: TerminalSize,
        style: TextStyle
    ) -> [String] {
        // One column stays free: in the last one a terminal may break the line.
        let width = max(1, size.columns - 1)
        let server = now.server
        let counts =
            "clients \(server.clients)  sessions \(server.sessions)  subscriptions \(server.subscriptions)"
            + "  retained \(now.retained)"
        let flow =
            "in \(rate(\.received, now, before))/s  out \(rate(\.sent, now, before))/s  waiting \(server.queued)"
        var lines = [title, counts, flow].map { $0.truncated(to: width) }
        lines[0] = style.strong(lines[0])
        let troubles = [
            ("dropped", server.dropped), ("expired", server.expired), ("refused", now.broker.refused),
            ("faults", server.faults), ("store failures", server.storeFailures),
        ].filter { $0.1 > 0 }.map { "\($0) \($1)" }
        if !troubles.isEmpty { lines.append(style.doubtful(troubles.joined(separator: "  ").truncated(to: width))) }
        // A line is free for the cursor.
        let room = size.rows - lines.count - 2
        let queues = now.presence.queues.map { queue in
            (queue.name.mqtt, [queue.waiting, queue.unsettled, queue.consumers].map { "\($0)" })
        }
        let clients = now.presence.clients.map { client in
            (client.client.name, ["\(client.subscriptions.count)", "\(client.queues.count)"])
        }
        let own = queues.isEmpty ? 0 : min(queues.count + 1, max(2, clients.isEmpty ? room : room / 2))
        lines += table("queue", ["waiting", "in hand", "consumers"], queues, room: min(own, room), width, style)
        lines += table("client", ["topics", "queues"], clients, room: room - own, width, style)
        return lines
    }

    /// A table that has so many lines at most; none if there is nothing, or not room enough.
    private static func table(
        _ title: String,
        _ columns: [String],
        _ rows: [(name: String, cells: [String])],
        room: Int,
        _ width: Int,
        _ style: TextStyle
    ) -> [String] {
        guard !rows.isEmpty, room > 1 else { return [] }
        let isCut = rows.count > room - 1
        let shown = rows.prefix(isCut ? room - 2 : room - 1)
        let longest = shown.map { $0.name.printable().columns }.max() ?? 0
        let name = max(1, min(max(longest, title.count), width - columns.count * columnWidth))
        func line(_ first: String, _ cells: [String]) -> (String, String) {
            let rest = cells.map { $0.trailing(in: columnWidth) }.joined()
            return (first.leading(in: name), rest.truncated(to: max(0, width - name)))
        }
        let head = line(title, columns)
        var lines = [style.faint(head.0 + head.1)]
        for row in shown {
            let (first, rest) = line(row.name.printable(), row.cells)
            lines.append(style.name(first) + rest)
        }
        if isCut { lines.append(style.faint("… \(rows.count - shown.count) more".truncated(to: width))) }
        return lines
    }

    private static func rate(
        _ count: KeyPath<ServerStatistics, Int>,
        _ now: BrokerFigures,
        _ before: BrokerFigures?
    ) -> String {
        guard let before, now.time > before.time else { return "0" }
        let difference = now.server[keyPath: count] - before.server[keyPath: count]
        return (Double(difference) / (now.time - before.time).seconds).formatted(decimals: 0)
    }
}
