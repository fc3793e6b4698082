import MartletTransport
import Testing

@Suite struct BacklogTests {
    @Test func itHasRoomForSoManyMessagesAndNoMore() {
        var backlog = Backlog()
        for _ in 0..<Backlog.maximumMessages {
            #expect(backlog.hasRoom)
            backlog.read(bytes: 1, isBehind: true)
        }
        #expect(!backlog.hasRoom)
        backlog.read(bytes: 1, isBehind: false)
        #expect(backlog.hasRoom)
    }

    @Test func itHasRoomForSoManyBytesAndNoMore() {
        var backlog = Backlog()
        backlog.read(bytes: Backlog.maximumBytes - 1, isBehind: true)
        #expect(backlog.hasRoom)
        backlog.read(bytes: 1, isBehind: true)
        #expect(!backlog.hasRoom)
    }

    @Test func whatIsReadByWhoKeepsUpDoesNotCount() {
        var backlog = Backlog()
        for _ in 0..<(2 * Backlog.maximumMessages) { backlog.read(bytes: 1 << 20, isBehind: false) }
        #expect(backlog.hasRoom)
    }
}
