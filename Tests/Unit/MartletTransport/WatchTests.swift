import MartletTransport
import Testing

@Suite(.timeLimit(.minutes(10))) struct WatchTests {
    @Test func handlersAreCalledForWhatIsReady() async throws {
        let pair = Pipe(bidirectional: true)
        await withLoop { loop in
            let seen = Shared<[Interest]>([])
            await loop.run {
                var watch: Watch?
                watch = loop.watch(pair.readEnd, for: [.read, .write]) { ready in
                    seen.withLock { $0.append(ready) }
                    // It is writable all the time; the reading side has not begun yet.
                    watch?.interest = .read
                    if ready.contains(.read) {
                        pair.read()
                        watch?.cancel()
                    }
                }
            }
            await until { seen.withLock { $0 } == [.write] }
            pair.write()
            await until { seen.withLock { $0 } == [.write, .read] }
        }
    }

    /// What is not read is reported again, and again.
    @Test func readinessIsALevel() async throws {
        let pipe = Pipe()
        pipe.write()
        await withLoop { loop in
            let calls = Shared(0)
            await loop.run { _ = loop.watch(pipe.readEnd, for: .read) { _ in calls.withLock { $0 += 1 } } }
            await until { calls.withLock { $0 } > 100 }
            _ = await loop.run { pipe.read() }
            let count = calls.withLock { $0 }
            for _ in 0..<10 { await loop.run {} }
            #expect(calls.withLock { $0 } == count)
        }
    }

    @Test func aPauseKeepsNobodyFromWhatIsReady() async throws {
        let pipe = Pipe()
        pipe.write()
        await withLoop { loop in
            let calls = Shared(0)
            await loop.run {
                _ = loop.watch(pipe.readEnd, for: .read) { _ in
                    calls.withLock { $0 += 1 }
                    loop.pause()
                }
            }
            await until { calls.withLock { $0 } > 100 }
            await loop.run {}
        }
    }

    /// Back-pressure: without interest not even a hang-up is noticed, and the loop sleeps.
    @Test func withoutInterestNothingIsReported() async throws {
        let loop = EventLoop(name: "test")
        try loop.open()
        let calls = Shared<[Interest]>([])
        let watch = Shared<Watch?>(nil)
        let pair = Pipe(bidirectional: true)
        pair.write()
        await loop.run {
            let new = loop.watch(pair.readEnd, for: []) { ready in
                calls.withLock { $0.append(ready) }
                watch.withLock { $0 }?.interest = []
            }
            watch.withLock { $0 = new }
        }
        pair.closeWriteEnd()
        let sleeps = loop.statistics.sleeps
        for _ in 0..<100 { await loop.run {} }
        #expect(loop.statistics.sleeps <= sleeps + 101)
        #expect(calls.withLock { $0.isEmpty })
        await loop.run { watch.withLock { $0 }?.interest = .read }
        await until { calls.withLock { $0 } == [.read] }
        await loop.close()
    }

    @Test func aHangUpIsReportedAsWhatWasAskedFor() async throws {
        await withLoop { loop in
            for interest: Interest in [.read, .write, [.read, .write]] {
                let pair = Pipe(bidirectional: true)
                let seen = Shared<Interest>([])
                await loop.run {
                    var watch: Watch?
                    watch = loop.watch(pair.readEnd, for: interest) { ready in
                        if ready == interest { watch?.cancel() }
                        seen.withLock { $0 = ready }
                    }
                }
                pair.closeWriteEnd()
                await until { seen.withLock { $0 } == interest }
            }
        }
    }

    /// A descriptor that is closed although it is watched is reported once and does not keep the loop busy. One that
    /// was never open is as good, and no other test can come to have it.
    @Test func aClosedDescriptorIsReportedOnce() async throws {
        await withLoop { loop in
            let seen = Shared<[Bool]>([])
            await loop.run {
                var watch: Watch?
                watch = loop.watch(.max, for: .read) { ready in
                    seen.withLock { $0.append(ready == .read && watch?.isCancelled == true) }
                }
            }
            await until { seen.withLock { !$0.isEmpty } }
            for _ in 0..<10 { await loop.run {} }
            #expect(seen.withLock { $0 } == [true])
        }
    }

    /// Of two that are ready in one round, the first cancels the other.
    @Test func aCancelledHandlerIsNotCalledInTheSameRound() async throws {
        await withLoop { loop in
            let pipes = [Pipe(), Pipe()]
            let calls = Shared(0)
            await loop.run {
                var watches: [Watch] = []
                for pipe in pipes {
                    pipe.write()
                    watches.append(
                        loop.watch(pipe.readEnd, for: .read) { _ in
                            calls.withLock { $0 += 1 }
                            for watch in watches { watch.cancel() }
                        }
                    )
                }
            }
            await until { calls.withLock { $0 } > 0 }
            for _ in 0..<10 { await loop.run {} }
            #expect(calls.withLock { $0 } == 1)
        }
    }

    /// A handler replaces its watch and others many times; each is called for its own descriptor.
    @Test func watchesComeAndGoInHandlers() async throws {
        await withLoop { loop in
            let pipes = (0..<20).map { _ in Pipe() }
            let calls = Shared<[Int: Int]>([:])
            await loop.run {
                for (index, pipe) in pipes.enumerated() { rewatch(pipe, index, loop, calls) }
            }
            for round in 1...50 {
                for pipe in pipes { pipe.write() }
                await until { calls.withLock { calls in calls.count == 20 && calls.values.allSatisfy { $0 == round } } }
            }
        }
    }

    /// What a handler holds goes with its watch, and may use the loop as it goes.
    @Test func whatAHandlerHoldsIsFreedWithTheWatch() async throws {
        let gone = Shared(0)
        let pipe = Pipe()
        await withLoop { loop in
            let held = Held { loop.execute { gone.withLock { $0 += 1 } } }
            await loop.run { loop.watch(pipe.readEnd, for: .read) { _ in withExtendedLifetime(held) {} }.cancel() }
        }
        #expect(gone.withLock { $0 } == 1)
        // Nobody cancels this one: it ends with the thread.
        await withLoop { loop in
            let held = Held { loop.execute { gone.withLock { $0 += 1 } } }
            await loop.run { _ = loop.watch(pipe.readEnd, for: .read) { _ in withExtendedLifetime(held) {} } }
        }
        #expect(gone.withLock { $0 } == 2)
    }
}

/// Reads, and goes on with a new watch.
private func rewatch(_ pipe: Pipe, _ index: Int, _ loop: EventLoop, _ calls: Shared<[Int: Int]>) {
    var watch: Watch?
    watch = loop.watch(pipe.readEnd, for: .read) { _ in
        calls.withLock { $0[index, default: 0] += pipe.read(1) }
        watch?.cancel()
        rewatch(pipe, index, loop, calls)
    }
}

/// Does something when it goes.
final class Held: Sendable {
    private let end: @Sendable () -> Void

    init(_ end: @escaping @Sendable () -> Void) { self.end = end }

    deinit { end() }
}
