import MartletTransport

/// An actor that lives on a loop.
actor Counter {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    private(set) var values: [Int] = []

    init(on loop: EventLoop) { self.loop = loop }

    func add(_ value: Int) { values.append(value) }

    var isOnLoop: Bool { loop.isCurrent }

    /// Whether a call of another actor of the loop, or the return from it, lets others run first.
    func queues(to other: Counter) async -> Bool {
        let ran = Shared(false)
        loop.execute { ran.withLock { $0 = true } }
        await other.add(1)
        return ran.withLock { $0 }
    }
}
