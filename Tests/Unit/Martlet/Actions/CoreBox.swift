@testable import Martlet

/// A core to call inside expectations, which take no mutating calls; and what it says, in short.
final class CoreBox {
    typealias Core = ActionServerCore

    private var core: Core

    init(_ policy: ActionPolicy, _ change: (inout ActionOptions) -> Void = { _ in }) {
        var options = ActionOptions(policy: policy)
        change(&options)
        core = Core("arm.move", options)
    }

    var busy: Set<GoalID> { core.busy }
    var live: [GoalID: Core.LiveGoal] { core.live }
    var ended: GoalMemory<Core.End> { core.ended }
    var nextTime: Duration? { core.nextTime }

    func send(
        _ id: GoalID,
        _ goal: Int,
        acceptBy: Duration? = nil,
        deadline: Duration? = nil,
        now: Duration = .zero
    ) -> MessagingError? {
        core.send(id, goal, acceptBy: acceptBy, deadline: deadline, now: now)
    }

    func cancel(_ id: GoalID, now: Duration = .zero) -> MessagingError? { core.cancel(id, now: now) }
    func ask(_ id: GoalID, now: Duration = .zero) -> Core.Answer { core.ask(id, now: now) }
    func tick(_ now: Duration) { core.tick(now) }
    func excuseClients(_ now: Duration) { core.excuseClients(now) }
    func drain(_ now: Duration = .zero) { core.drain(now) }
    func stop(_ now: Duration = .zero) { core.stop(now) }
    func isDone(at now: Duration) -> Bool { core.isDone(at: now) }

    func handlerEnded(_ id: GoalID, _ result: Core.HandlerResult, now: Duration = .zero) {
        core.handlerEnded(id, result, now: now)
    }

    func end(of id: GoalID) -> Core.End? {
        if case .ended(let end) = core.ask(id, now: .zero) { end } else { nil }
    }

    /// What a handler returned.
    func output(of id: GoalID) -> String? { end(of: id)?.output.flatMap { $0 as? String } }

    /// What the core wants done since it was last asked.
    func takeEffects() -> [Core.Effect] {
        defer { core.effects.removeAll() }
        return core.effects
    }

    func said() -> [String] {
        takeEffects().map { effect in
            switch effect {
            case .start(let id, let goal, _): "start \(id) \(goal)"
            case .cancelHandler(let id): "cancel \(id)"
            case .announce(let id, let status): "\(id) \(status)"
            case .reportUnresponsive(let id): "unresponsive \(id)"
            }
        }
    }
}
