import DequeModule
import Martlet
import MartletTransport

/// A node of the cluster can't be reached, or is lost. The link is there, and what other nodes keep goes on.
struct NodeAway: Error, CustomStringConvertible {
    let node: String
    let reason: String

    var description: String { "the node \(node) of the cluster is away: \(reason)" }
}

extension MessagingError {
    /// Whether the link is there all the same: a server has refused something, or a node of the cluster is away.
    var leavesLink: Bool { (cause is RedisError && code != .connectionLost) || cause is NodeAway }
}

/// The nodes of a cluster that are away, and what waits for them. On the session's loop.
///
/// Nobody waits for one of them but what is to arrive: all else fails at once. From time to time it is looked whether the node
/// is there, and whether another one keeps by now what it kept: the first of what waits goes ahead and finds that out.
final class AwayNodes {
    private struct Node {
        var reason: MessagingError
        var pace = Pace()
        /// In the order in which they were given.
        var waiting: Deque<Request> = []
        /// How many of them there are for each slot.
        var slots: [Int: Int] = [:]
        /// Whether the first of what waits has gone ahead.
        var isScouting = false
        /// Whether it is looked at soon.
        var isLookedAt = false
        var lastAsked = ContinuousClock.now

        mutating func insert(_ request: Request) {
            waiting.insertInOrder(request)
            if let slot = request.slot { slots[slot, default: 0] += 1 }
        }

        mutating func popFirst() -> Request? {
            guard let request = waiting.popFirst() else { return nil }
            forget(request)
            return request
        }

        mutating func removeAbandoned() {
            for request in waiting where request.isAbandoned { forget(request) }
            waiting.removeAll(where: \.isAbandoned)
        }

        private mutating func forget(_ request: Request) {
            guard let slot = request.slot, let count = slots[slot] else { return }
            slots[slot] = count > 1 ? count - 1 : nil
        }
    }

    /// How much may wait for one node.
    private static let maximumWaiting = 4_096
    /// After what time a node is forgotten for which nobody asks.
    private static let patience = Duration.seconds(60)

    private var all: [Destination: Node] = [:]

    var hasWaiting: Bool { all.values.contains { !$0.waiting.isEmpty } }

    func contains(_ node: Destination) -> Bool { all[node] != nil }

    /// A node is lost, or could not be reached.
    ///
    /// - Returns: whether it was taken for reachable.
    func lost(_ node: Destination, _ reason: MessagingError, _ session: isolated RedisSession) -> Bool {
        let isNew = all[node] == nil
        all[node, default: Node(reason: reason)].reason = reason
        lookLater(node, session)
        return isNew
    }

    /// Something is to be asked of it that it can't be asked.
    func postpone(_ request: Request, _ node: Destination, keeps: Bool, _ session: isolated RedisSession) {
        guard let entry = all[node] else { return }
        all[node]?.lastAsked = .now
        defer { if let origin = request.scoutOf { cameBack(origin, to: node, session) } }
        guard keeps, request.isGuaranteed, entry.waiting.count < Self.maximumWaiting || request.scoutOf != nil else {
            return request.end(.failure(error(of: node)), session)
        }
        var request = request
        request.redirections = 0
        request.scoutOf = nil
        all[node]?.insert(request)
    }

    /// For which node earlier requests for a slot's keys wait.
    func node(waitedForBy slot: Int) -> Destination? {
        guard !all.isEmpty else { return nil }
        return all.first { $0.value.slots[slot] != nil }?.key
    }

    /// Why nothing is asked of a node.
    func error(of node: Destination) -> MessagingError {
        let away = NodeAway(node: "\(node)", reason: all[node]?.reason.message ?? "it is lost")
        return MessagingError(.notConnected, "\(away)", cause: away, isRetriable: true)
    }

    /// The node is there.
    ///
    /// - Returns: what waits for it; `nil` if it was not away.
    func isBack(_ node: Destination) -> Deque<Request>? { all.removeValue(forKey: node)?.waiting }

    /// Another node keeps what one kept.
    ///
    /// - Returns: what waits for any of them, in order: it is to be asked anew where that goes.
    func foundElsewhere(_ node: Destination, _ session: isolated RedisSession) -> [Request] {
        all[node]?.isScouting = false
        lookLater(node, session)
        return takeWaiting()
    }

    private func takeWaiting() -> [Request] {
        var taken: [Request] = []
        for node in all.keys {
            taken += all[node]?.waiting ?? []
            all[node]?.waiting.removeAll()
            all[node]?.slots.removeAll()
        }
        return taken.sorted { $0.number < $1.number }
    }

    /// The link is gone, and with it all that is known of nodes.
    ///
    /// - Returns: what waited.
    func removeAll() -> [Request] {
        let waiting = takeWaiting()
        all.removeAll()
        return waiting
    }

    // MARK: Looking

    private func lookLater(_ node: Destination, _ session: isolated RedisSession) {
        guard all[node]?.isLookedAt == false, let delay = all[node]?.pace.next() else { return }
        all[node]?.isLookedAt = true
        let generation = session.sockets.generation
        session.later(delay) { session in
            // By another link it may be there.
            guard session.sockets.generation == generation, session.keeper.isUp else { return }
            session.commands.away.look(node, session)
        }
    }

    private func look(_ node: Destination, _ session: isolated RedisSession) {
        all[node]?.isLookedAt = false
        all[node]?.removeAbandoned()
        // Its way leads on from where it comes to.
        guard let entry = all[node], !entry.isScouting else { return }
        if entry.waiting.isEmpty, ContinuousClock.now - entry.lastAsked > Self.patience {
            all[node] = nil
            return
        }
        session.commands.forget(node)
        // What is written to the node itself before the first is back would get ahead of it.
        guard var scout = all[node]?.popFirst() else { return open(node, session) }
        scout.scoutOf = node
        all[node]?.isScouting = true
        session.commands.write(scout, session)
        session.commands.flush(session)
    }

    /// The first of what waits has found no other node that can be asked.
    private func cameBack(_ node: Destination, to other: Destination, _ session: isolated RedisSession) {
        guard node == other else { return lostScout(of: node, session) }
        guard all[node]?.isScouting == true else { return }
        all[node]?.isScouting = false
        open(node, session)
    }

    /// The first of what waits has come to nothing.
    func lostScout(of node: Destination, _ session: isolated RedisSession) {
        guard all[node]?.isScouting == true else { return }
        all[node]?.isScouting = false
        lookLater(node, session)
    }

    private func open(_ node: Destination, _ session: isolated RedisSession) {
        do {
            // What becomes of it is told: see RedisSession.ready(_:) and RedisSession.ended(_:_:).
            if session.sockets[.node(node)] == nil { try session.sockets.open(.node(node), to: node, session) }
        } catch {
            lookLater(node, session)
        }
    }
}
