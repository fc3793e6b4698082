import Logging
import Martlet
import MartletTransport

/// What the connection has declared, and which queues are known to exist. A part of its session, on the session's loop.
final class Declarations {
    /// What this connection declared by the native API.
    private var topology = Topology()
    /// How much of it the broker has not yet allowed to be declared again on this link.
    private(set) var undeclared = 0
    /// Whether some of that is because a queue's node is away: it is waited for.
    private(set) var missesNode = false
    /// Queues that are known to exist, on this link.
    private var known: Set<QueueName> = []
    /// The channel of questions about queues.
    private let inquiries = SharedChannel()
    /// The channel by which the topology is declared again.
    private let channel = SharedChannel()

    /// Something was done that lasts.
    func note(_ method: ClientMethod) { topology.note(method) }

    /// How a queue was declared by the native API.
    func queue(_ name: String) -> AMQPQueue? { topology.queue(name) }

    // MARK: Queues that are known

    func knows(_ queue: QueueName) -> Bool { known.contains(queue) }

    func forget(_ queue: QueueName) { known.remove(queue) }

    func remember(_ queue: QueueName) {
        // It is no more than a memory: one that has forgotten asks again.
        if known.count > 10_000 { known.removeAll() }
        known.insert(queue)
    }

    /// Asks whether a queue exists, and who consumes it.
    func ask(forQueue name: String, on session: isolated AMQPSession, _ completion: @escaping Channel.Completion) {
        inquiries.ask(.declareQueue(AMQPQueue(name), passive: true), on: session, completion)
    }

    // MARK: Declaring again

    /// Declares all of it, and counts what the broker may only not have let go of yet.
    ///
    /// - Parameters:
    ///   - level: at which what is refused for good is logged.
    ///   - gathering: told of each that is answered.
    func declareAgain(level: Logger.Level, _ gathering: Gathering, on session: isolated AMQPSession) {
        (undeclared, missesNode) = (0, false)
        for method in topology.methods {
            gathering.begin()
            channel.ask(method, on: session) { [self] result in
                if case .failure(let error) = result { refusedAgain(error, level, session) }
                gathering.end()
            }
        }
    }

    private func refusedAgain(_ error: any Error, _ level: Logger.Level, _ session: isolated AMQPSession) {
        // With the link everything is declared anew.
        guard session.keeper.isUp else { return }
        if AMQPSession.mayPass(error) {
            undeclared += 1
            if session.tellOfAbsentNode(error) {
                missesNode = true
                return
            }
            session.runtime.logger.debug("something could not be declared again yet: \(error)")
        } else {
            session.runtime.logger.log(level: level, "something could not be declared again: \(error)")
        }
    }

    /// All has been answered.
    func declaredAgain(_ session: isolated AMQPSession) { channel.close(session) }

    /// It is not tried any more.
    func giveUp() { (undeclared, missesNode) = (0, false) }

    /// The link is gone, and what was known of it.
    func linkIsLost() {
        known.removeAll()
        giveUp()
    }
}
