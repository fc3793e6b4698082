import CHiredis
import Martlet
import Testing

@testable import MartletRedis

@Suite struct CommandFormatTests {
    @Test(arguments: [0, 1, 9, 10, 99, 100, 1_000, 70_000])
    func writesWhatHiredisWrites(_ size: Int) throws {
        let last = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        for count in [1, 2, 3, 9, 10, 200] {
            let command = (1..<count).map { Array("word \($0)\r\n".utf8) } + [last]
            let theirs = try #require(hiredisBytes(of: command))
            #expect(CommandFormat.bytes(of: command) == theirs)
        }
    }

    /// The one command that is made in one piece looks as if it had been made of its words.
    @Test(arguments: [0, 1, 9, 10, 11, 99, 100, 101, 70_000])
    func aPublishIsMadeInOnePiece(bytes: Int) {
        let (body, channel) = ([UInt8](repeating: 7, count: bytes), String(repeating: "ä", count: bytes % 60 + 1))
        let words = [Array("PUBLISH".utf8), Array(channel.utf8), body]
        #expect(CommandFormat.publish(body, to: channel) == CommandFormat.bytes(of: words))
    }

    /// And so does one that goes straight into the bytes to be sent, behind others.
    @Test(arguments: [0, 1, 9, 10, 11, 99, 100, 101, 70_000])
    func aPublishIsMadeInItsPlace(bytes: Int) {
        let body = [UInt8](repeating: 7, count: bytes)
        var queue = ByteQueue()
        var head = CommandFormat.PublishHead()
        var expected: [UInt8] = []
        for (channel, isSame) in [("a.b", false), ("a.b", true), ("ä", false), ("a.b", false)] {
            let words = [Array("PUBLISH".utf8), Array(channel.utf8), body]
            let wasSame = head.prepare(for: TopicName(channel))
            #expect(wasSame == isSame)
            let count = CommandFormat.append(body, head, to: &queue)
            #expect(count == CommandFormat.bytes(of: words).count)
            expected += CommandFormat.bytes(of: words)
        }
        queue.withUnsafeBytes { #expect(Array($0) == expected) }
    }

    private func hiredisBytes(of command: [[UInt8]]) -> [UInt8]? {
        let words = command.map { word in
            let copy = UnsafeMutableBufferPointer<CChar>.allocate(capacity: max(1, word.count))
            for (index, byte) in word.enumerated() { copy[index] = CChar(bitPattern: byte) }
            return copy
        }
        defer { for word in words { word.deallocate() } }
        var pointers = words.map { UnsafePointer($0.baseAddress) }
        var lengths = command.map(\.count)
        var target: UnsafeMutablePointer<CChar>?
        let count = redisFormatCommandArgv(&target, CInt(command.count), &pointers, &lengths)
        guard let target, count >= 0 else { return nil }
        defer { redisFreeCommand(target) }
        return Array(UnsafeRawBufferPointer(start: target, count: Int(count)))
    }
}
