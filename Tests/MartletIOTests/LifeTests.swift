import MartletIO
import Testing

@Suite(.timeLimit(.minutes(1))) struct LifeTests {
    @Test func closingEndsTheThread() async {
        let loop = EventLoop(name: "closing")
        loop.open()
        await loop.run {}
        await loop.close()
        #expect(loop.statistics.threads == 1)
        #expect(!loop.isRunning)
    }

    @Test func callsOnAClosedLoopStillRun() async {
        let loop = EventLoop(name: "closed")
        let counter = Counter(on: loop)
        for value in 0..<1_000 { await counter.add(value) }
        #expect(await counter.values.count == 1_000)
        await until { !loop.isRunning }
    }

    @Test func whatNobodyUsesIsFreed() async {
        weak var freed: EventLoop?
        do {
            let loop = EventLoop(name: "freed")
            freed = loop
            loop.open()
            await loop.run {}
            await loop.close()
        }
        #expect(freed == nil)
    }
}
