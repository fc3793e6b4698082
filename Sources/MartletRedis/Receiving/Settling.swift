import Martlet
import MartletTransport

/// One step that settles elements which a consumer holds.
struct SettlingStep {
    let command: [[UInt8]]
    /// Where a cluster keeps its keys.
    let slot: Int
    /// As they are held.
    let elements: [[UInt8]]
    /// How much of the consumer's room it takes until it is done.
    var room: Int
    /// Whether the server answers 0 where the elements are with others already.
    var tellsOfLoss = false
    /// What is done after it.
    var next: [SettlingStep] = []
}

/// What the server is told about elements that consumers hold: again, where it refuses, until it has done it or the link is
/// lost. Then, and only then, an element may come again. On the session's loop.
final class Settling {
    private struct Told {
        let consumer: Int
        var steps: [SettlingStep]
        let slot: Int
    }

    private var told: [Int: Told] = [:]
    private var lastID = 0
    /// What was refused and waits to be told again.
    private var refused: [Int] = []
    private var pace = Pace()
    /// Told when nothing is left to be done for a consumer.
    private var watchers: [Int: Promise<Void>] = [:]

    /// What is being settled of a consumer's elements, as they are held.
    func elements(of consumer: Int) -> [[UInt8]] {
        told.values.lazy.filter { $0.consumer == consumer }.flatMap { $0.steps.flatMap(\.elements) }
    }

    /// Tells the server, in one go, what has the same slot.
    func tell(_ steps: [SettlingStep], of consumer: Consumer, _ session: isolated RedisSession) {
        guard let slot = steps.first?.slot else { return }
        for step in steps { consumer.returning += step.room }
        consumer.untold += 1
        lastID += 1
        told[lastID] = Told(consumer: consumer.number, steps: steps, slot: slot)
        write(lastID, session)
    }

    private func write(_ id: Int, _ session: isolated RedisSession) {
        guard let entry = told[id] else { return }
        var request = Request(
            entry.steps.map(\.command),
            slot: entry.slot,
            .handler { session, result in
                session.consumers.settling.answered(id, result, session)
            }
        )
        request.isOwn = true
        session.commands.write(request, session)
    }

    private func answered(_ id: Int, _ result: Result<RedisValue, any Error>, _ session: isolated RedisSession) {
        // What a lost link has ended is not there any more.
        guard var entry = told[id], let consumer = session.consumers[entry.consumer] else { return forget(id) }
        guard case .success(let reply) = result else {
            // The node of the dead letters is away; or the connection is being closed and has no more time.
            return session.isOpen ? wait(id, session) : forget(id)
        }
        let replies = entry.steps.count == 1 ? [reply] : reply.array ?? []
        var (left, next): ([SettlingStep], [SettlingStep]) = ([], [])
        for (step, reply) in zip(entry.steps, replies) {
            if let error = reply.firstError {
                left.append(refusal(of: step, error, consumer, session))
            } else {
                consumer.returning = max(0, consumer.returning - step.room)
                next += step.next
                if step.tellsOfLoss, reply.integer == 0 { countLoss(consumer, session) }
            }
        }
        if left.isEmpty {
            consumer.untold -= 1
            told[id] = nil
            if refused.isEmpty { pace.reset() }
        } else {
            entry.steps = left
            told[id] = entry
            wait(id, session)
        }
        for step in next { tell([step], of: consumer, session) }
        session.commands.flush(session)
        session.consumers.settled(consumer, session)
        endIfDone()
    }

    /// - Returns: the step, which takes up the room again that was free as soon as it was told.
    private func refusal(
        of step: SettlingStep,
        _ error: RedisError,
        _ consumer: Consumer,
        _ session: isolated RedisSession
    ) -> SettlingStep {
        session.runtime.count(
            \.refusedSettlements,
            "the server refused to settle a message of \(consumer.keys.queue), and is told again: \(error)"
        )
        var step = step
        if step.room == 0 {
            step.room = step.elements.count
            consumer.returning += step.room
        }
        return step
    }

    private func countLoss(_ consumer: Consumer, _ session: isolated RedisSession) {
        session.runtime.count(
            \.refusedSettlements,
            "a message of \(consumer.keys.queue) was settled too late: it had gone back to the queue"
        )
    }

    private func forget(_ id: Int) {
        told[id] = nil
        endIfDone()
    }

    // MARK: Again

    private func wait(_ id: Int, _ session: isolated RedisSession) {
        refused.append(id)
        guard refused.count == 1 else { return }
        session.later(pace.next()) { $0.consumers.settling.tellAgain($0) }
    }

    private func tellAgain(_ session: isolated RedisSession) {
        let ids = refused
        refused.removeAll()
        for id in ids { write(id, session) }
        session.commands.flush(session)
    }

    /// A consumer's node is lost: what it held comes again.
    func lose(_ consumer: Int) {
        told = told.filter { $0.value.consumer != consumer }
        endIfDone()
    }

    /// The link is lost: what was held comes again.
    func linkLost() {
        told.removeAll()
        refused.removeAll()
        pace.reset()
        endIfDone()
    }

    /// Returns when all of a consumer is settled, or nothing can be any more.
    func finish(_ consumer: Int, _ session: isolated RedisSession) async {
        guard isBusy(consumer) else { return }
        let promise = Promise<Void>()
        watchers[consumer] = promise
        _ = try? await promise.value()
    }

    private func isBusy(_ consumer: Int) -> Bool { told.values.contains { $0.consumer == consumer } }

    private func endIfDone() {
        for consumer in watchers.keys where !isBusy(consumer) {
            watchers.removeValue(forKey: consumer)?.end(.success(()))
        }
    }
}
