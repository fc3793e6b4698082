import Martlet
import MartletTransport
import Testing

@Suite struct OfflineBufferTests {
    @Test func itDoesWhatThePolicySays() {
        let failing = OfflineBuffer<Int>(.fail)
        #expect(failing.add(1) == .refused)
        #expect(!failing.keeps)
        let dropping = OfflineBuffer<Int>(.drop)
        #expect(dropping.add(1) == .dropped)
        #expect(dropping.takeFirst() == nil)
        let none = OfflineBuffer<Int>(.buffer(limit: 0))
        #expect(none.add(1) == .dropped)
        #expect(!none.keeps)
    }

    @Test func theOldestMakesRoom() {
        let buffer = OfflineBuffer<Int>(.buffer(limit: 3))
        #expect(buffer.keeps)
        #expect((1...5).map { buffer.add($0) } == [.kept, .kept, .kept, .dropped, .dropped])
        #expect((1...4).map { _ in buffer.takeFirst() } == [3, 4, 5, nil])
    }
}
