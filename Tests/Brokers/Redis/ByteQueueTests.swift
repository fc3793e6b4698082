import Testing

@testable import MartletRedis

@Suite struct ByteQueueTests {
    private func bytes(of queue: ByteQueue) -> [UInt8] { queue.withUnsafeBytes { Array($0) } }

    /// Whatever is put in comes out in order, as from an array that does the same.
    @Test func isAsAnArray() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20 {
            var queue = ByteQueue()
            var model: [UInt8] = []
            for step in 0..<400 {
                if Bool.random(using: &generator) {
                    let more = (0..<Int.random(in: 0...(step % 50 == 0 ? 70_000 : 3_000))).map {
                        UInt8(truncatingIfNeeded: $0 &+ step)
                    }
                    queue.append(more)
                    model += more
                } else {
                    let count = Int.random(in: 0...max(1, model.count))
                    let first = queue.withUnsafeBytes(first: count) { Array($0) }
                    #expect(first == Array(model.prefix(count)))
                    queue.consume(count)
                    model.removeFirst(min(count, model.count))
                }
                #expect(queue.count == model.count)
                #expect(queue.isEmpty == model.isEmpty)
            }
            #expect(bytes(of: queue) == model)
            queue.consume(model.count + 1)
            #expect(queue.isEmpty)
        }
    }

    @Test func nothingIsNothing() {
        var queue = ByteQueue()
        queue.append([])
        queue.consume(3)
        #expect(bytes(of: queue).isEmpty)
        queue.append([1, 2])
        queue.append(0) { _ in Issue.record("there is nothing to write") }
        #expect(bytes(of: queue) == [1, 2])
    }
}
