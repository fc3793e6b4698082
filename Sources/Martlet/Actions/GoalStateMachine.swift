/// The life of one goal. A pure value.
///
/// The states are ROS 2's: accepted → executing → (canceling) → succeeded, aborted or canceled. A terminal state
/// never changes. Where ROS 2 leaves a choice to the handler: a goal that was cancelled and whose handler returns is
/// `canceled`, with the result. One that never began has nothing to wind down, so it ends at once.
struct GoalStateMachine: Sendable, Hashable {
    /// Why a goal is to stop before its handler is done.
    enum StopReason: Sendable, Hashable, CaseIterable {
        /// Somebody asked for it.
        case requested
        /// A newer goal took its place.
        case preempted
        /// Its client is not heard of.
        case abandoned
        /// Its server ends.
        case shutdown
        /// It took longer than its client allows.
        case deadline
        /// It did not begin in the time its client allows.
        case notBegun

        /// Whether the goal ends aborted: nobody cancelled it, it ran out of time.
        var aborts: Bool { self == .deadline || self == .notBegun }
    }

    enum Event: Sendable, Hashable {
        /// There is room for its handler.
        case begin
        case stop(StopReason)
        /// The handler returned a result.
        case returned
        /// The handler threw `CancellationError`.
        case threwCancellation
        /// The handler threw something else.
        case threw
        /// The handler has not returned in its time after the cancellation.
        case graceOver
    }

    enum Ending: Sendable, Hashable {
        case succeeded
        case canceled(StopReason)
        case timedOut(StopReason)
        case failed
        /// The handler gave up though nobody had cancelled its goal.
        case gaveUp
        case unresponsive(StopReason)

        var status: GoalStatus {
            switch self {
            case .succeeded: .succeeded
            case .canceled: .canceled
            case .timedOut, .failed, .gaveUp, .unresponsive: .aborted
            }
        }

        fileprivate static func stopped(_ reason: StopReason) -> Ending {
            reason.aborts ? .timedOut(reason) : .canceled(reason)
        }
    }

    /// What is to be done about an event.
    enum Directive: Sendable, Hashable {
        case ignore
        case startHandler
        case cancelHandler
        case end(Ending)
    }

    private enum State: Sendable, Hashable {
        case accepted
        case executing
        case canceling(StopReason)
        case ended(GoalStatus)
    }

    private var state = State.accepted

    var status: GoalStatus {
        switch state {
        case .accepted: .accepted
        case .executing: .executing
        case .canceling: .canceling
        case .ended(let status): status
        }
    }

    mutating func handle(_ event: Event) -> Directive {
        switch (state, event) {
        case (.accepted, .begin):
            state = .executing
            return .startHandler
        case (.accepted, .stop(let reason)):
            return end(.stopped(reason))
        case (.executing, .stop(.notBegun)):
            return .ignore
        case (.executing, .stop(let reason)):
            state = .canceling(reason)
            return .cancelHandler
        case (.executing, .returned):
            return end(.succeeded)
        case (.executing, .threw):
            return end(.failed)
        case (.executing, .threwCancellation):
            return end(.gaveUp)
        case (.canceling(let reason), .returned), (.canceling(let reason), .threwCancellation):
            return end(.stopped(reason))
        case (.canceling(let reason), .threw):
            return end(reason.aborts ? .timedOut(reason) : .failed)
        case (.canceling(let reason), .graceOver):
            return end(.unresponsive(reason))
        case (.accepted, _), (.executing, _), (.canceling, _), (.ended, _):
            return .ignore
        }
    }

    private mutating func end(_ ending: Ending) -> Directive {
        state = .ended(ending.status)
        return .end(ending)
    }
}
