import Martlet
import MartletTesting
import MartletTransport

/// The life of a connection's link: brokers that refuse, accept and end links, restoring that fails, a close at any moment.
///
/// It does at once what ``LinkLifecycle`` says, as the keeper of a link does, and has its own idea of what may be said.
struct LinkWorld: World {
    private enum Event {
        case wake(Int)
        case link(Int, LinkLifecycle.Event)
        case close
        case say(LinkLifecycle.Event)
    }

    let trace: Trace
    private var random: SplitMix64
    private var events: EventQueue<Event>
    private var now = Duration.zero
    private let backoff: Backoff
    private let steadyAfter = Duration.seconds(10)
    /// Of a hundred attempts.
    private let refusals: UInt64

    private var lifecycle = LinkLifecycle()
    private var history: LinkHistory

    // What it has seen.
    private var lastLink = 0
    /// The socket that there is.
    private var socket: Int?
    private var isWaiting = false
    private var told = ConnectionState.disconnected
    private var openedAt: Duration?
    /// How many delays there were since a link has held.
    private var delays = 0
    private var isCloseAsked = false

    init(seed: UInt64, isTraced: Bool) {
        trace = Trace(isOn: isTraced)
        random = SplitMix64(seed: seed)
        events = EventQueue(seed: seed &+ 1)
        backoff = Backoff(
            initial: .milliseconds(100),
            maximum: .seconds(5),
            multiplier: 2,
            jitter: random.pick([0, 0.5, 1]),
            attempts: random.chance(30) ? 1 + random.below(8) : nil
        )
        refusals = random.pick([10, 50, 95])
        history = LinkHistory(backoff: backoff, steadyAfter: steadyAfter)
    }

    mutating func run() throws {
        events.add(.close, at: random.time(upTo: .seconds(120)))
        try handle(.connect)
        while let time = events.next, let event = events.pop() {
            now = time
            switch event {
            case .wake:
                isWaiting = false
                try handle(.connect)
            case .link(let number, let event):
                // What an old socket says reaches nobody.
                if number == socket { try handle(event) }
            case .close:
                isCloseAsked = true
                if random.chance(20) { events.add(.close, at: now + random.time(upTo: .seconds(2))) }
                try handle(.closeAsked)
            case .say(let event): try handle(event)
            }
        }
        guard lifecycle.state == .closed else { throw Violation("it ends as \(lifecycle.state)") }
        guard told == .closed, socket == nil else {
            throw Violation("it is closed: told \(told), socket \(socket ?? 0)")
        }
    }

    private mutating func handle(_ event: LinkLifecycle.Event) throws {
        let before = lifecycle.state
        // The history hears of a link before anybody else does what follows.
        let actions = lifecycle.handle(event)
        note("\(now): \(before), \(event): \(lifecycle.state), \(actions)")
        if before == .closed, !actions.isEmpty { throw Violation("closed, it wants \(actions)") }
        for action in actions { try perform(action) }
        if lifecycle.isUp, socket == nil {
            throw Violation("messages are sent in \(lifecycle.state) and there is no link")
        }
        if lifecycle.state == .idle, !isWaiting, socket == nil, !isCloseAsked { throw Violation("nobody tries again") }
        guard before != lifecycle.state, lifecycle.state == .open else { return }
        openedAt = now
        history.opened(at: now)
        schedule(.lost, within: random.chance(50) ? .seconds(1) : .seconds(40))
    }

    private mutating func perform(_ action: LinkLifecycle.Action) throws {
        switch action {
        case .open:
            guard socket == nil, !isWaiting else { throw Violation("a second attempt beside the first") }
            lastLink += 1
            socket = lastLink
            schedule(random.chance(refusals) ? .failed : .answered, within: .seconds(2))
        case .restore:
            guard socket != nil else { throw Violation("it restores what is on no link") }
            schedule(random.chance(refusals) ? random.pick([.failed, .lost]) : .restored, within: .seconds(2))
        case .release:
            socket = nil
        case .tell(let state):
            let mayFollow: Bool =
                switch state {
                case .connected: told == .disconnected
                case .disconnected: told == .connected
                default: told != .closed
                }
            guard mayFollow else { throw Violation("it tells \(state) after \(told)") }
            told = state
        case .failCalls:
            guard socket == nil, told == .disconnected else { throw Violation("calls fail while there is a link") }
        case .wait: try wait()
        case .drain:
            guard socket != nil else { throw Violation("it drains into nothing") }
            events.add(.say(.written), at: now + random.time(upTo: .seconds(5)))
        case .sayGoodbye:
            guard socket != nil else { throw Violation("it says goodbye to nobody") }
            events.add(.say(.dropped), at: now + random.time(upTo: .seconds(2)))
        }
    }

    private mutating func schedule(_ event: LinkLifecycle.Event, within longest: Duration) {
        events.add(.link(lastLink, event), at: now + random.time(upTo: longest))
        // It may be lost before.
        if random.chance(20) { events.add(.link(lastLink, .lost), at: now + random.time(upTo: longest)) }
    }

    /// A link failed: the next attempt comes later than the one before, unless a link has held meanwhile.
    private mutating func wait() throws {
        guard socket == nil, !isWaiting else { throw Violation("it waits while it has a link or waits already") }
        _ = history.failed(at: now)
        if let openedAt, now - openedAt >= steadyAfter { delays = 0 }
        openedAt = nil
        guard let delay = history.nextDelay(using: &random) else {
            guard let most = backoff.attempts, delays >= most else { throw Violation("it gives up after \(delays)") }
            isCloseAsked = true
            return events.add(.say(.exhausted), at: now)
        }
        var longest = min(backoff.initial, backoff.maximum)
        for _ in 0..<min(delays, 20) { longest = min(longest * 2, backoff.maximum) }
        delays += 1
        guard delay <= longest + .microseconds(1), delay >= longest * (1 - backoff.jitter) - .microseconds(1),
            backoff.attempts.map({ delays <= $0 }) ?? true
        else { throw Violation("delay \(delays) is \(delay), at most \(longest)") }
        isWaiting = true
        events.add(.wake(delays), at: now + delay)
    }
}
