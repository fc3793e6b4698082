import Martlet
import MartletTransport

/// What a consumer that is gone held, on its way back to the queue, in portions: all of it may be more than a reply may have.
extension Consumers {
    /// How many bytes of elements are told, or given back, together, but for one element that has more.
    static let portion = 1 << 20

    /// Gives back everything that a consumer holds, and forgets its lease. Several may do so at once.
    ///
    /// - Parameter wasDelivered: whether an element has been seen by anyone, so that it says so from now on.
    /// - Returns: how many were given back.
    @discardableResult
    func giveBackAll(
        of id: [UInt8],
        _ keys: QueueKeys,
        _ session: isolated RedisSession,
        wasDelivered: ([UInt8]) -> Bool
    ) async throws -> Int {
        let (list, collected) = (keys.held(by: id), keys.returning(from: id))
        let what = "what came back to \(keys.queue)"
        var (count, stalls) = (0, 0)
        // From the end, so that what waited longest comes to stand first. Should this end half-way, another goes on.
        while true {
            let reply = try await session.commands.perform(
                [lastElements(of: list, leavingOut: 0, session)],
                slot: keys.slot,
                session
            )
            try reply.check(what)
            let (elements, all) = Self.elements(of: reply)
            guard all > 0 else { break }
            let command: [[UInt8]]
            if elements.isEmpty {
                // Too large to be read: it goes as it is, to be put aside by the next consumer.
                command = session.script(Scripts.collectLast, keys: [collected, list], [])
            } else {
                let pairs = elements.reversed().flatMap { bytes in
                    [bytes, wasDelivered(bytes) ? QueueElement(bytes, session.runtime.wire).givenBack : []]
                }
                command = session.script(Scripts.collect, keys: [collected, list], pairs)
            }
            let answer = try await session.commands.perform([command], slot: keys.slot, session)
            try answer.check(what)
            let moved = min(max(0, answer.integer ?? 0), max(1, elements.count))
            count += moved
            // Several may be at it; but a list that never gets shorter is none.
            stalls = moved == 0 ? stalls + 1 : 0
            guard stalls < 100 else { break }
        }
        let command = session.script(
            Scripts.giveBackCollected,
            keys: [keys.list, collected, list, keys.leases],
            [id]
        )
        try await session.commands.perform([command], slot: keys.slot, session).check(what)
        return count
    }

    func lastElements(of list: [UInt8], leavingOut count: Int, _ session: isolated RedisSession) -> [[UInt8]] {
        let numbers = [count, 100, portion(session), largest(session)]
        return session.script(Scripts.lastElements, keys: [list], numbers.map { Array(String($0).utf8) })
    }

    /// What ``Scripts/lastElements`` has told, and how many there are in all.
    static func elements(of reply: RedisValue) -> (elements: [[UInt8]], all: Int) {
        guard let parts = reply.array, let count = parts.first?.integer else { return ([], 0) }
        let elements = parts.dropFirst().prefix {
            if case .bytes = $0 { true } else { false }
        }
        return (elements.compactMap(\.bytes), count)
    }
}
