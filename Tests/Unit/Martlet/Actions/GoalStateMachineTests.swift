import Testing

@testable import Martlet

@Suite(.timeLimit(.minutes(10))) struct GoalStateMachineTests {
    typealias Machine = GoalStateMachine

    static let events: [Machine.Event] =
        [.begin, .returned, .threwCancellation, .threw, .graceOver] + Machine.StopReason.allCases.map { .stop($0) }

    /// Every state there is, with the events that lead to it.
    static let paths: [[Machine.Event]] =
        [[], [.begin], [.begin, .returned], [.begin, .threw], [.stop(.requested)]]
        + Machine.StopReason.allCases.filter { $0 != .notBegun }.map { [.begin, .stop($0)] }

    static func machine(after path: [Machine.Event]) -> Machine {
        var machine = Machine()
        for event in path { _ = machine.handle(event) }
        return machine
    }

    /// What is to happen, written down apart from the machine.
    static func expected(_ path: [Machine.Event], _ event: Machine.Event) -> (Machine.Directive, GoalStatus?) {
        let stopped: Machine.StopReason? = path.last.flatMap { if case .stop(let reason) = $0 { reason } else { nil } }
        switch (path.first, stopped, event) {
        case (nil, _, .begin): return (.startHandler, .executing)
        case (nil, _, .stop(let reason)):
            return reason == .deadline || reason == .notBegun
                ? (.end(.timedOut(reason)), .aborted) : (.end(.canceled(reason)), .canceled)
        case (nil, _, _): return (.ignore, nil)
        case (.stop, _, _): return (.ignore, nil)
        case (_, nil, _) where path.count == 2: return (.ignore, nil)
        case (_, nil, .returned): return (.end(.succeeded), .succeeded)
        case (_, nil, .threw): return (.end(.failed), .aborted)
        case (_, nil, .threwCancellation): return (.end(.gaveUp), .aborted)
        case (_, nil, .stop(.notBegun)): return (.ignore, nil)
        case (_, nil, .stop): return (.cancelHandler, .canceling)
        case (_, nil, _): return (.ignore, nil)
        case (_, .deadline?, .returned), (_, .deadline?, .threw), (_, .deadline?, .threwCancellation):
            return (.end(.timedOut(.deadline)), .aborted)
        case (_, let reason?, .returned), (_, let reason?, .threwCancellation):
            return (.end(.canceled(reason)), .canceled)
        case (_, _?, .threw): return (.end(.failed), .aborted)
        case (_, let reason?, .graceOver): return (.end(.unresponsive(reason)), .aborted)
        case (_, _?, _): return (.ignore, nil)
        }
    }

    @Test(arguments: paths, events)
    func everyStateAndEvent(path: [Machine.Event], event: Machine.Event) {
        var machine = Self.machine(after: path)
        let before = machine
        let directive = machine.handle(event)
        let (expected, status) = Self.expected(path, event)
        #expect(directive == expected)
        #expect(machine.status == status ?? before.status)
        if expected == .ignore { #expect(machine == before, "what is ignored changes nothing") }
        if before.status.isTerminal { #expect(machine == before, "a terminal state never changes") }
    }

    @Test func onlyStepsOfROS2() {
        let steps: [GoalStatus: Set<GoalStatus>] = [
            .accepted: [.executing, .canceled, .aborted],
            .executing: [.canceling, .succeeded, .aborted],
            .canceling: [.canceled, .aborted],
        ]
        var seen: [GoalStatus: Set<GoalStatus>] = [:]
        for path in Self.paths {
            for event in Self.events {
                var machine = Self.machine(after: path)
                let before = machine.status
                _ = machine.handle(event)
                if machine.status != before { seen[before, default: []].insert(machine.status) }
            }
        }
        #expect(seen == steps)
    }
}
