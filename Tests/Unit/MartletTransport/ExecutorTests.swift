import MartletTransport
import Testing

@Suite(.timeLimit(.minutes(10))) struct ExecutorTests {
    @Test func anActorRunsOnItsLoop() async {
        await withLoop { loop in
            let counter = Counter(on: loop)
            #expect(!loop.isCurrent)
            #expect(await counter.isOnLoop)
            for value in 0..<100 { await counter.add(value) }
            #expect(await counter.values == Array(0..<100))
        }
    }

    /// Jobs and work run in the order in which they came.
    @Test func orderIsKept() async {
        await withLoop { loop in
            let order = Shared<[Int]>([])
            let tasks = await loop.run {
                // The thread is busy here, so all of them wait.
                var tasks: [Task<Void, Never>] = []
                for number in 0..<1_000 {
                    if number % 2 == 0 {
                        loop.execute { order.withLock { $0.append(number) } }
                    } else {
                        tasks.append(Task(executorPreference: loop) { order.withLock { $0.append(number) } })
                    }
                }
                return tasks
            }
            for task in tasks { await task.value }
            let isKept = order.withLock { $0 } == Array(0..<1_000)
            #expect(isKept)
        }
    }

    @Test func tasksMayPreferTheLoop() async {
        await withLoop { loop in
            let counter = Counter(on: loop)
            let places = await withTaskExecutorPreference(loop) {
                let before = loop.isCurrent
                await counter.add(1)
                return await [before, loop.isCurrent, concurrentIsOn(loop)]
            }
            #expect(places == [true, true, true])
        }
    }

    /// Neither a task that prefers the loop nor actors that share it queue again to go on where they are.
    @Test func whoIsThereGoesOn() async {
        await withLoop { loop in
            let ran = Shared(false)
            let ranFirst = await withTaskExecutorPreference(loop) {
                loop.execute { ran.withLock { $0 = true } }
                _ = await concurrentIsOn(loop)
                return ran.withLock { $0 }
            }
            #expect(!ranFirst)
            let caller = Counter(on: loop)
            let callee = Counter(on: loop)
            #expect(await !caller.queues(to: callee))
        }
    }
}

@concurrent private func concurrentIsOn(_ loop: EventLoop) async -> Bool { loop.isCurrent }
