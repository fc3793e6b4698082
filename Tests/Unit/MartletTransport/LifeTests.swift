import Martlet
import Testing

@testable import MartletTransport

@Suite(.timeLimit(.minutes(10))) struct LifeTests {
    @Test func closingEndsTheThread() async throws {
        let loop = EventLoop(name: "closing")
        #expect(!loop.isRunning)
        try loop.open()
        #expect(loop.isRunning)
        await loop.run {}
        await loop.close()
        #expect(loop.statistics.threads == 1)
        #expect(!loop.isRunning)
    }

    /// What was asked for before the loop was closed is done when it is.
    @Test func closingLeavesNoJobBehind() async throws {
        for _ in 0..<50 {
            let loop = EventLoop(name: "jobs")
            try loop.open()
            let done = Shared(0)
            for _ in 0..<5_000 { loop.execute { done.withLock { $0 += 1 } } }
            await loop.close()
            #expect(done.withLock { $0 } == 5_000)
            #expect(!loop.isRunning)
        }
    }

    /// Only the last of several users waits for the end.
    @Test func theLoopIsOpenForAsLongAsOneUsesIt() async throws {
        let pipe = Pipe()
        let read = Shared(0)
        let loop = EventLoop(name: "shared")
        try loop.open()
        try loop.open()
        await loop.run { _ = loop.watch(pipe.readEnd, for: .read) { _ in read.withLock { $0 += pipe.read() } } }
        await loop.close()
        pipe.write()
        await until { read.withLock { $0 } == 1 }
        #expect(loop.isRunning)
        await loop.close()
        #expect(!loop.isRunning)
        #expect(loop.statistics.threads == 1)
    }

    /// Users come and go at once; whoever waits for the end is told, and each finds the loop as it has to be.
    @Test func usersMayComeWhileOthersGo() async throws {
        let loop = EventLoop(name: "coming")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<100 {
                        try loop.open()
                        #expect(await loop.run { loop.isCurrent })
                        await loop.close()
                    }
                }
            }
            try await group.waitForAll()
        }
        await until { !loop.isRunning }
    }

    /// A thread that has to run a call that must fail lives as long as that, and there is one at a time.
    @Test func callsOnAClosedLoopStillRun() async throws {
        let loop = EventLoop(name: "closed")
        let counter = Counter(on: loop)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask { for value in 0..<250 { await counter.add(value) } }
            }
        }
        #expect(await counter.values.count == 1_000)
        await until { !loop.isRunning }
        #expect(loop.statistics.sleeps == 0)
    }

    /// An actor may close the loop that it lives on; what follows runs on the next thread.
    @Test func anActorMayCloseItsLoop() async throws {
        let loop = EventLoop(name: "own")
        let closer = Closer(on: loop)
        for _ in 0..<100 { #expect(try await closer.openAndClose()) }
        await until { !loop.isRunning }
    }

    /// A system that has no thread left costs the connection and not the process; and what must run all the same does.
    @Test func withoutAThreadOpeningFailsAndJobsRun() async throws {
        let loop = EventLoop(name: "threadless") { _ in nil }
        for _ in 0..<3 {
            let error = #expect(throws: MessagingError.self) { try loop.open() }
            #expect(error?.code == .notConnected)
            await until { !loop.isRunning }
        }
        let counter = Counter(on: loop)
        for value in 0..<100 { await counter.add(value) }
        #expect(await counter.values == Array(0..<100))
        #expect(await loop.run { loop.isCurrent })
        await until { !loop.isRunning }
    }

    @Test func whatNobodyUsesIsFreed() async throws {
        weak var freed: EventLoop?
        do {
            let loop = EventLoop(name: "freed")
            freed = loop
            try loop.open()
            await loop.run {}
            await loop.close()
        }
        #expect(freed == nil)
    }

    /// An actor that is dropped without being closed, on the loop's own thread or elsewhere, takes its thread and its
    /// loop with it.
    @Test(arguments: [true, false], [true, false])
    func aDroppedActorEndsItsLoop(onTheLoop: Bool, isolated: Bool) async throws {
        for _ in 0..<50 {
            let ends = Shared<[Bool]>([])
            weak var freed: EventLoop?
            do {
                let loop = EventLoop(name: "dropped")
                freed = loop
                let holder = Shared<(any Sendable)?>(nil)
                if isolated {
                    let user = try IsolatedUser(of: loop, ends)
                    await user.use()
                    holder.withLock { $0 = user }
                } else {
                    let user = try User(of: loop, ends)
                    await user.use()
                    holder.withLock { $0 = user }
                }
                if onTheLoop {
                    loop.execute { holder.withLock { $0 = nil } }
                } else {
                    holder.withLock { $0 = nil }
                }
            }
            await until { freed == nil }
            let onLoop = ends.withLock { $0 }
            #expect(onLoop.count == 1)
            if onTheLoop || isolated { #expect(onLoop == [true]) }
        }
    }
}

private actor Closer {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(on loop: EventLoop) { self.loop = loop }

    func openAndClose() async throws -> Bool {
        try loop.open()
        await loop.close()
        return loop.isCurrent
    }
}

/// Holds its loop open until it is dropped.
private actor User {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    private let ends: Shared<[Bool]>
    private var watch: Watch?
    private let pipe = Pipe()

    init(of loop: EventLoop, _ ends: Shared<[Bool]>) throws {
        self.loop = loop
        self.ends = ends
        try loop.open()
    }

    deinit {
        let isCurrent = loop.isCurrent
        ends.withLock { $0.append(isCurrent) }
        if let watch { loop.execute { [pipe] in withExtendedLifetime(pipe) { watch.cancel() } } }
        loop.closeSoon()
    }

    func use() { watch = loop.watch(pipe.readEnd, for: .read) { _ in } }
}

/// The same, by a `deinit` on the loop.
private actor IsolatedUser {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    private let ends: Shared<[Bool]>
    private var watch: Watch?
    private let pipe = Pipe()

    init(of loop: EventLoop, _ ends: Shared<[Bool]>) throws {
        self.loop = loop
        self.ends = ends
        try loop.open()
    }

    isolated deinit {
        let isCurrent = loop.isCurrent
        ends.withLock { $0.append(isCurrent) }
        watch?.cancel()
        loop.closeSoon()
    }

    func use() { watch = loop.watch(pipe.readEnd, for: .read) { _ in } }
}
