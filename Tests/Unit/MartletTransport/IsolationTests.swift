import MartletTransport
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@Suite(.timeLimit(.minutes(10))) struct IsolationTests {
    /// A handler that was made in an actor of the loop may touch its state, as the compiler sees it or by
    /// `assumeIsolated`; so may what a C function calls from there.
    @Test func handlersAreOnTheirActor() async {
        let pipe = Pipe()
        await withLoop { loop in
            let reader = Reader(on: loop)
            await reader.start(pipe)
            for count in 1...10 {
                pipe.write()
                await until { await reader.seen == [count, count, count] }
            }
            await reader.stop()
        }
    }

    /// A C function that is called by a job of the actor calls back into it.
    @Test func callbacksOfCAreOnTheActor() async {
        await withLoop { loop in
            let reader = Reader(on: loop)
            #expect(await reader.find(700, in: Array(0..<1_000)) == 700)
            #expect(await reader.find(1_000, in: Array(0..<1_000)) == nil)
            #expect(await reader.comparisons > 10)
        }
    }

    @Test func theLoopKnowsWhatIsIsolated() async {
        await withLoop { loop in
            let counter = Counter(on: loop)
            #expect(loop.isIsolatingCurrentContext() == false)
            let inside = await loop.run {
                loop.checkIsolated()
                counter.preconditionIsolated()
                return loop.isIsolatingCurrentContext() == true && counter.assumeIsolated { $0.isOnLoop }
            }
            #expect(inside)
            let other = EventLoop(name: "other")
            #expect(await other.run { loop.isIsolatingCurrentContext() } == false)
            #expect(loop.isSameExclusiveExecutionContext(other: loop))
            #expect(!loop.isSameExclusiveExecutionContext(other: other))
        }
    }

    /// Actors that share a loop are isolated to one another, too.
    @Test func actorsMayShareALoop() async {
        await withLoop { loop in
            let first = Counter(on: loop)
            let second = Counter(on: loop)
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<1_000 { group.addTask { await (number % 2 == 0 ? first : second).add(number) } }
            }
            let counts = await [first.values.count, second.values.count]
            #expect(counts == [500, 500])
            #expect(loop.statistics.threads == 1)
        }
    }
}

/// An actor as transports are: it watches a descriptor, and a C library calls it back.
private actor Reader {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    /// How often something was read, as seen by the handler itself, by `assumeIsolated`, and by C.
    private(set) var seen = [0, 0, 0]
    private(set) var comparisons = 0
    private var watch: Watch?

    init(on loop: EventLoop) { self.loop = loop }

    func start(_ pipe: Pipe) {
        watch = loop.watch(pipe.readEnd, for: .read) { [weak self] _ in
            let count = pipe.read()
            self?.assumeIsolated { reader in
                reader.seen[1] += count
                if reader.find(0, in: [0]) == 0 { reader.seen[2] += count }
            }
        }
        _ = loop.watch(pipe.readEnd, for: .read) { _ in self.seen[0] += 1 }
    }

    func stop() {
        watch?.cancel()
        watch = nil
    }

    private struct Key {
        let reader: Unmanaged<Reader>
        let number: Int
    }

    /// The place of a number among sorted ones, by the C library's search.
    func find(_ number: Int, in numbers: [Int]) -> Int? {
        var key = Key(reader: .passUnretained(self), number: number)
        return numbers.withUnsafeBytes { numbers in
            guard let start = numbers.baseAddress else { return nil }
            let found = bsearch(&key, start, numbers.count / 8, 8) { key, element in
                guard let key = key?.load(as: Key.self), let element = element?.load(as: Int.self) else { return 0 }
                return key.reader.takeUnretainedValue().assumeIsolated { reader in
                    reader.comparisons += 1
                    return key.number < element ? -1 : key.number > element ? 1 : 0
                }
            }
            return found.map { UnsafeRawPointer($0).load(as: Int.self) }
        }
    }
}
