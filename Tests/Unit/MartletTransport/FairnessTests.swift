import MartletTransport
import Testing

/// One after the other: each keeps a thread busy, and all of them together would keep the processors from everybody else.
@Suite(.serialized, .timeLimit(.minutes(10))) struct FairnessTests {
    /// Work that brings about more work, without end.
    private static func floodWithWork(_ loop: EventLoop, _ done: Shared<Int>, while isWanted: Shared<Bool>) {
        done.withLock { $0 += 1 }
        guard isWanted.withLock({ $0 }) else { return }
        loop.execute { floodWithWork(loop, done, while: isWanted) }
    }

    /// A thousand jobs in a circle do not keep a descriptor or a timer waiting for more than a batch each.
    @Test func jobsDoNotStarveInput() async {
        let pipe = Pipe()
        await withLoop { loop in
            let isWanted = Shared(true)
            let done = Shared(0)
            let written = Shared(0)
            let waited = Shared<[Int]>([])
            let timers = Shared(0)
            await loop.run {
                _ = loop.watch(pipe.readEnd, for: .read) { _ in
                    pipe.read()
                    waited.withLock { $0.append(done.withLock { $0 } - written.withLock { $0 }) }
                }
                for _ in 0..<1_000 { loop.execute { Self.floodWithWork(loop, done, while: isWanted) } }
            }
            for count in 1...100 {
                loop.execute {
                    written.withLock { $0 = done.withLock { $0 } }
                    pipe.write()
                    loop.schedule(after: .zero) { timers.withLock { $0 += 1 } }
                }
                await until { waited.withLock { $0.count } == count && timers.withLock { $0 } == count }
            }
            isWanted.withLock { $0 = false }
            #expect(waited.withLock { $0.max() ?? 0 } <= 256)
        }
    }

    /// Descriptors of which there is always one ready do not keep jobs waiting for more than a round or two.
    @Test func inputDoesNotStarveJobs() async {
        let pipes = (0..<20).map { _ in Pipe() }
        await withLoop { loop in
            let calls = Shared(0)
            await loop.run {
                for pipe in pipes {
                    pipe.write()
                    _ = loop.watch(pipe.readEnd, for: .read) { _ in calls.withLock { $0 += 1 } }
                }
            }
            await until { calls.withLock { $0 } > 0 }
            var most = 0
            for _ in 0..<200 {
                let waited = await loop.run { () -> Shared<Int> in
                    // From here on; the job that counts comes behind this one.
                    let waited = Shared(-1)
                    let before = calls.withLock { $0 }
                    loop.execute { waited.withLock { $0 = calls.withLock { $0 } - before } }
                    return waited
                }
                await until { waited.withLock { $0 } >= 0 }
                most = max(most, waited.withLock { $0 })
            }
            #expect(most <= 2 * pipes.count)
        }
    }

    /// Of several that are always ready, each has its turn in each round.
    @Test func descriptorsDoNotStarveEachOther() async {
        let pipes = (0..<10).map { _ in Pipe() }
        await withLoop { loop in
            let calls = Shared<[Int: Int]>([:])
            await loop.run {
                for (index, pipe) in pipes.enumerated() {
                    pipe.write()
                    _ = loop.watch(pipe.readEnd, for: .read) { _ in calls.withLock { $0[index, default: 0] += 1 } }
                }
            }
            await until { calls.withLock { $0[0] ?? 0 } > 1_000 }
            let counts = await loop.run { calls.withLock { $0.values.sorted() } }
            #expect(counts.count == 10)
            #expect((counts.last ?? 0) - (counts.first ?? 0) <= 1)
        }
    }
}
