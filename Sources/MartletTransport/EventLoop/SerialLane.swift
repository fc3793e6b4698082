/// The executor of the actors that live on a loop.
///
/// It is an object of its own so that the loop can tell an actor's job from one of a task that prefers the loop. The
/// runtime compares where a job runs with where it should go on: an actor's job runs isolated to its executor, a
/// task's on its preferred executor without isolation, and neither goes through the queue a second time.
final class SerialLane: SerialExecutor {
    // Proof: written once, by the loop that makes the lane, before anyone else sees either. The loop owns the lane,
    // and whoever lives on the lane holds the loop.
    private nonisolated(unsafe) unowned var loop: EventLoop?

    func attach(to loop: EventLoop) {
        self.loop = loop
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop?.append(.actorJob(job))
    }

    func checkIsolated() {
        loop?.preconditionCurrent()
    }

    func isIsolatingCurrentContext() -> Bool? {
        loop?.isCurrent
    }
}
