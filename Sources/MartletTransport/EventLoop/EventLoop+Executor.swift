extension EventLoop {
    /// Takes the job of a task that prefers the loop. Those of actors come by ``asUnownedSerialExecutor()``.
    package func enqueue(_ job: consuming ExecutorJob) {
        append(.taskJob(UnownedJob(job)))
    }

    /// What an actor that lives on the loop returns as its `unownedExecutor`; it has to hold the loop.
    package func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        UnownedSerialExecutor(ordinary: lane)
    }

    package func asUnownedTaskExecutor() -> UnownedTaskExecutor {
        UnownedTaskExecutor(ordinary: self)
    }

    package func isSameExclusiveExecutionContext(other: EventLoop) -> Bool {
        self === other
    }

    /// Whatever runs on the loop's thread has it for itself, be it a job, a handler, or what C code calls from one.
    package func checkIsolated() {
        preconditionCurrent()
    }

    package func isIsolatingCurrentContext() -> Bool? {
        isCurrent
    }
}
