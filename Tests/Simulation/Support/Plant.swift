#if os(Linux)
/// Bugs that are put in on purpose, each into the connection of one scenario, to show that a simulation finds them.
enum Plant: String, CaseIterable {
    /// A reply answers the oldest call, not the one that it names.
    case replyByOrder = "reply-by-order"
    /// A cancellation that has overtaken its goal is forgotten.
    case earlyCancelLost = "early-cancel-lost"
    /// A goal that is sent twice is two goals.
    case goalTwice = "goal-twice"
    /// A reader allows its writer more than its window.
    case creditForgotten = "credit-forgotten"
    /// A job is acknowledged before it is done.
    case earlyAcknowledgement = "early-acknowledgement"
    /// A job that comes again is taken for done.
    case redeliveryDropped = "redelivery-dropped"
    /// A subscription is not made again when the link is back.
    case forgottenSubscription = "forgotten-subscription"
    /// What was to end a subscription if its link stayed away does so though it came back.
    case timerOutlivesLink = "timer-outlives-link"
    /// A node whose link is back does not say that it is online.
    case offlineForGood = "offline-for-good"
    /// A message is confirmed before the broker has it.
    case earlyConfirmation = "early-confirmation"
}
#endif
