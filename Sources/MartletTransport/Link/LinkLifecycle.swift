package import Martlet

/// Where the link of a connection is in its life, and what follows from what happens to it. A pure value: ``LinkKeeper`` tells
/// it of events and does what it says.
package struct LinkLifecycle: Sendable, Equatable {
    package enum State: Sendable, Hashable, CaseIterable {
        /// There is no link.
        case idle
        /// One address after the other is tried.
        case opening
        /// A broker has accepted the link; what was open on the one before is being opened again.
        case restoring
        /// There is a link.
        case open
        /// The connection is closing: what was accepted is being written.
        case draining
        /// The connection is closing: the broker is being told so.
        case closing
        /// The connection has ended.
        case closed
    }

    package enum Event: Sendable, Hashable, CaseIterable {
        /// A link is wanted.
        case connect
        /// A broker has accepted the link.
        case answered
        /// No link could be opened, or what was open before could not be opened again.
        case failed
        /// What was open before is open again.
        case restored
        /// The link is gone.
        case lost
        /// The connection is to be closed.
        case closeAsked
        /// What was accepted has been written, or has had its time.
        case written
        /// The goodbye has been said, and the link is dropped.
        case dropped
        /// No further link is to be tried.
        case exhausted
    }

    package enum Action: Sendable, Hashable {
        /// Resolve the servers' names, and try to open a link to one address after the other.
        case open
        /// Open again what was open on the link before.
        case restore
        /// Tell this state to all that watch the connection.
        case tell(ConnectionState)
        /// End the calls that wait for a reply.
        case failCalls
        /// Try again after a while.
        case wait
        /// Write what was accepted.
        case drain
        /// Say to the broker that this is the end.
        case sayGoodbye
        /// Let go of the link.
        case release
    }

    package private(set) var state = State.idle

    package init() {}

    /// Whether there is a link by which messages can be sent.
    package var isUp: Bool {
        switch state {
        case .restoring, .open, .draining: true
        case .idle, .opening, .closing, .closed: false
        }
    }

    /// Goes on to the state that follows.
    ///
    /// - Returns: what is to be done, in order; nothing for an event that means nothing now.
    package mutating func handle(_ event: Event) -> [Action] {
        switch (state, event) {
        case (.idle, .connect): go(to: .opening, [.open])
        case (.opening, .answered): go(to: .restoring, [.restore])
        case (.restoring, .restored): go(to: .open, [.tell(.connected)])

        case (.opening, .failed), (.restoring, .failed), (.restoring, .lost): go(to: .idle, [.release, .wait])
        case (.open, .lost): go(to: .idle, [.release, .tell(.disconnected), .failCalls, .wait])

        case (.open, .closeAsked): go(to: .draining, [.drain])
        // What waits has had no link so far, and a broker that is being asked for something gets no more to do.
        case (.restoring, .closeAsked): go(to: .closing, [.sayGoodbye])
        case (.draining, .written): go(to: .closing, [.sayGoodbye])
        case (.idle, .closeAsked), (.opening, .closeAsked), (.idle, .exhausted): go(to: .closed, Self.end)
        case (.draining, .lost), (.closing, .lost), (.closing, .dropped): go(to: .closed, Self.end)

        case (.idle, _), (.opening, _), (.restoring, _), (.open, _), (.draining, _), (.closing, _), (.closed, _): []
        }
    }

    private static let end: [Action] = [.release, .tell(.closed)]

    private mutating func go(to next: State, _ actions: [Action]) -> [Action] {
        state = next
        return actions
    }
}
