import MartletTesting
import Testing

@testable import Martlet

@Suite(.timeLimit(.minutes(10))) struct StreamReceiverTests {
    /// Frames may arrive on several threads at once; what is in order once is passed on in that order.
    @Test func framesThatArriveAtOnceStayInOrder() async throws {
        let timers = Timers(Timeline())
        for _ in 0..<100 {
            let receiver = StreamReceiver(window: 200, timeout: .seconds(10), timers: timers) { _, _ in }
            await withTaskGroup(of: Void.self) { group in
                for half in 0..<2 {
                    group.addTask {
                        for number in stride(from: half, to: 200, by: 2) {
                            let headers: Headers = [Headers.Standard.sequence: .integer(Int64(number))]
                            receiver.receive(Message("\(number)", headers: headers))
                        }
                    }
                }
            }
            for number in 0..<200 {
                let frame = try await receiver.next()
                #expect(frame?.text == "\(number)")
            }
        }
        await timers.stop()
    }

    /// A writer is silent from when its reader has taken what there was, not from when that came.
    @Test func aReaderThatIsSlowItselfIsNotTimed() async throws {
        let clock = TestClock()
        let timers = Timers(drivenBy: Timeline(clock))
        let receiver = StreamReceiver(window: 1, timeout: .seconds(3), timers: timers) { _, _ in }
        receiver.start()
        func pass(_ time: Duration) {
            clock.advance(by: time)
            timers.fireDue()
        }
        for number in 0..<5 {
            receiver.receive(Message("\(number)", headers: [Headers.Standard.sequence: .integer(Int64(number))]))
            for _ in 0..<10 { pass(.milliseconds(500)) }
            #expect(try await receiver.next()?.text == "\(number)")
            // So long the credit and the next element are under way.
            for _ in 0..<5 { pass(.milliseconds(500)) }
        }
        pass(.milliseconds(500))
        pass(.milliseconds(500))
        #expect(await errorCode { _ = try await receiver.next() } == .timeout)
    }
}
