import DequeModule
import Martlet
import MartletTransport
import Testing

@Suite(.timeLimit(.minutes(10))) struct FlowGateTests {
    @Test func theLastOneToLetGoReopens() async {
        await withLoop { loop in
            let opened = Shared(0)
            let gate = FlowGate(on: Bell(loop)) { opened.withLock { $0 += loop.isCurrent ? 1 : 100 } }
            #expect(!gate.isClosed)
            #expect(gate.hold())
            #expect(gate.hold())
            gate.letGo()
            #expect(gate.isClosed)
            await loop.run {}
            #expect(opened.withLock { $0 } == 0)
            gate.letGo()
            #expect(!gate.isClosed)
            await loop.run {}
            #expect(opened.withLock { $0 } == 1)
        }
    }

    /// A mailbox that was emptied before it could say that it is full does not close the gate.
    @Test func lettingGoMayComeFirst() async {
        await withLoop { loop in
            let opened = Shared(0)
            let gate = FlowGate(on: Bell(loop)) { opened.withLock { $0 += 1 } }
            gate.letGo()
            #expect(!gate.hold())
            #expect(!gate.isClosed)
            await loop.run {}
            #expect(opened.withLock { $0 } == 0)
        }
    }

    /// One that closed again before the loop came to open it stays closed, and is opened later.
    @Test func itIsNeverOpenedWhileItIsClosed() async {
        await withLoop { loop in
            let opened = Shared(0)
            let gate = FlowGate(on: Bell(loop)) { opened.withLock { $0 += 1 } }
            await loop.run {
                _ = gate.hold()
                gate.letGo()
                _ = gate.hold()
            }
            await loop.run {}
            #expect(opened.withLock { $0 } == 0)
            gate.letGo()
            await loop.run {}
            #expect(opened.withLock { $0 } == 1)
        }
    }

    /// A pipe's content goes through a small mailbox to a slow reader: nothing is lost, little waits outside, and the
    /// writer is held up.
    @Test func aSlowReaderHoldsUpTheWriter() async throws {
        let total = 50_000
        let limit = 8
        let pipe = Pipe()
        try await withLoop { loop in
            let watch = Shared<Watch?>(nil)
            let mostWaiting = Shared(0)
            let gate = FlowGate(on: Bell(loop)) { watch.withLock { $0 }?.interest = .read }
            let mailbox = Mailbox<Int>(limit: limit, onFull: { gate.hold() }, onRoom: { gate.letGo() })
            await loop.run {
                let new = loop.watch(pipe.readEnd, for: .read) { _ in
                    let count = pipe.read(64)
                    for _ in 0..<count { _ = mailbox.offer(1, topic: "t") }
                    mostWaiting.withLock { $0 = max($0, mailbox.count) }
                    if gate.isClosed { watch.withLock { $0 }?.interest = [] }
                }
                watch.withLock { $0 = new }
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    var written = 0
                    while written < total {
                        let count = pipe.write(min(1_000, total - written))
                        written += count
                        if count == 0 { await Task.yield() }
                    }
                }
                var read = 0
                var batch: Deque<Int> = []
                while read < total {
                    try await mailbox.next(into: &batch)
                    read += batch.count
                    batch.removeAll()
                }
                #expect(read == total)
                try await group.waitForAll()
            }
            // What came by one read at most, beyond what was there.
            #expect(mostWaiting.withLock { $0 } <= limit + 64)
            #expect(mailbox.count == 0)
            #expect(!gate.isClosed)
        }
    }
}
