import Martlet
import MartletTransport
import Testing

@Suite struct LinkLifecycleTests {
    typealias State = LinkLifecycle.State
    typealias Event = LinkLifecycle.Event
    typealias Action = LinkLifecycle.Action

    /// What an event leads to; the same state and no actions: it is ignored.
    struct Row: Sendable {
        let state: State
        let event: Event
        let next: State
        let actions: [Action]

        static func ignored(_ state: State, _ event: Event) -> Row {
            Row(state: state, event: event, next: state, actions: [])
        }
    }

    private static let end: [Action] = [.release, .tell(.closed)]

    static let table: [Row] = [
        Row(state: .idle, event: .connect, next: .opening, actions: [.open]),
        .ignored(.idle, .answered),
        .ignored(.idle, .failed),
        .ignored(.idle, .restored),
        .ignored(.idle, .lost),
        Row(state: .idle, event: .closeAsked, next: .closed, actions: end),
        .ignored(.idle, .written),
        .ignored(.idle, .dropped),
        Row(state: .idle, event: .exhausted, next: .closed, actions: end),

        .ignored(.opening, .connect),
        Row(state: .opening, event: .answered, next: .restoring, actions: [.restore]),
        Row(state: .opening, event: .failed, next: .idle, actions: [.release, .wait]),
        .ignored(.opening, .restored),
        .ignored(.opening, .lost),
        Row(state: .opening, event: .closeAsked, next: .closed, actions: end),
        .ignored(.opening, .written),
        .ignored(.opening, .dropped),
        .ignored(.opening, .exhausted),

        .ignored(.restoring, .connect),
        .ignored(.restoring, .answered),
        Row(state: .restoring, event: .failed, next: .idle, actions: [.release, .wait]),
        Row(state: .restoring, event: .restored, next: .open, actions: [.tell(.connected)]),
        Row(state: .restoring, event: .lost, next: .idle, actions: [.release, .wait]),
        Row(state: .restoring, event: .closeAsked, next: .closing, actions: [.sayGoodbye]),
        .ignored(.restoring, .written),
        .ignored(.restoring, .dropped),
        .ignored(.restoring, .exhausted),

        .ignored(.open, .connect),
        .ignored(.open, .answered),
        .ignored(.open, .failed),
        .ignored(.open, .restored),
        Row(state: .open, event: .lost, next: .idle, actions: [.release, .tell(.disconnected), .failCalls, .wait]),
        Row(state: .open, event: .closeAsked, next: .draining, actions: [.drain]),
        .ignored(.open, .written),
        .ignored(.open, .dropped),
        .ignored(.open, .exhausted),

        .ignored(.draining, .connect),
        .ignored(.draining, .answered),
        .ignored(.draining, .failed),
        .ignored(.draining, .restored),
        Row(state: .draining, event: .lost, next: .closed, actions: end),
        .ignored(.draining, .closeAsked),
        Row(state: .draining, event: .written, next: .closing, actions: [.sayGoodbye]),
        .ignored(.draining, .dropped),
        .ignored(.draining, .exhausted),

        .ignored(.closing, .connect),
        .ignored(.closing, .answered),
        .ignored(.closing, .failed),
        .ignored(.closing, .restored),
        Row(state: .closing, event: .lost, next: .closed, actions: end),
        .ignored(.closing, .closeAsked),
        .ignored(.closing, .written),
        Row(state: .closing, event: .dropped, next: .closed, actions: end),
        .ignored(.closing, .exhausted),

        .ignored(.closed, .connect),
        .ignored(.closed, .answered),
        .ignored(.closed, .failed),
        .ignored(.closed, .restored),
        .ignored(.closed, .lost),
        .ignored(.closed, .closeAsked),
        .ignored(.closed, .written),
        .ignored(.closed, .dropped),
        .ignored(.closed, .exhausted),
    ]

    /// By which events a state is reached.
    private static func lifecycle(in state: State) -> LinkLifecycle {
        let events: [Event] =
            switch state {
            case .idle: []
            case .opening: [.connect]
            case .restoring: [.connect, .answered]
            case .open: [.connect, .answered, .restored]
            case .draining: [.connect, .answered, .restored, .closeAsked]
            case .closing: [.connect, .answered, .restored, .closeAsked, .written]
            case .closed: [.closeAsked]
            }
        var lifecycle = LinkLifecycle()
        for event in events { _ = lifecycle.handle(event) }
        return lifecycle
    }

    @Test(arguments: table) func eachEventLeadsToItsStateAndActions(_ row: Row) {
        var lifecycle = Self.lifecycle(in: row.state)
        #expect(lifecycle.state == row.state)
        #expect(lifecycle.handle(row.event) == row.actions)
        #expect(lifecycle.state == row.next)
    }

    @Test func theTableHasARowForEveryPair() {
        struct Pair: Hashable {
            let state: State
            let event: Event
        }
        let pairs = State.allCases.flatMap { state in Event.allCases.map { Pair(state: state, event: $0) } }
        #expect(Self.table.count == pairs.count)
        #expect(Set(Self.table.map { Pair(state: $0.state, event: $0.event) }) == Set(pairs))
    }

    @Test(arguments: State.allCases) func messagesAreSentWhileThereIsALinkAndNoGoodbyeIsSaid(_ state: State) {
        #expect(Self.lifecycle(in: state).isUp == [.restoring, .open, .draining].contains(state))
    }
}
