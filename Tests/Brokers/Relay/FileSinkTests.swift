import Foundation
import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletRelay

@Suite(.timeLimit(.minutes(10))) struct FileSinkTests {
    private func item(_ text: String, to topic: TopicName = "a.b") -> SinkItem {
        SinkItem(topic: topic, message: Message(text))
    }

    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    @Test func messagesAreAppended() async throws {
        let path = try TemporaryFolder("file").path("log")
        for text in ["one", "two"] {
            let sink = FileSink(path: path, options: FileOptions(isSynced: true))
            try await sink.deliver([item(text), item(text + "!")])
            await sink.close()
        }
        #expect(try text(path) == "one\none!\ntwo\ntwo!\n")
    }

    @Test func aLineOfJSONSaysAll() async throws {
        let path = try TemporaryFolder("file").path("log")
        let sink = FileSink(path: path, options: FileOptions(format: .json))
        try await sink.deliver([item("a\n\"b\""), SinkItem(topic: "c", message: Message([0xFF, 0x00]))])
        let lines = try text(path).split(separator: "\n").map { try JSONSerialization.jsonObject(with: Data($0.utf8)) }
        let first = try #require(lines[0] as? [String: Any])
        #expect(first["text"] as? String == "a\n\"b\"")
        #expect(first["topic"] as? String == "a.b")
        #expect(abs((first["time"] as? Double ?? 0) - Date().timeIntervalSince1970) < 600)
        #expect((lines[1] as? [String: Any])?["base64"] as? String == "/wA=")
        await sink.close()
    }

    @Test func aFileThatWasMovedAwayIsMadeAnew() async throws {
        let path = try TemporaryFolder("file").path("log")
        let sink = FileSink(path: path)
        try await sink.deliver([item("one")])
        try FileManager.default.moveItem(atPath: path, toPath: path + ".old")
        try await sink.deliver([item("two")])
        #expect(try text(path + ".old") == "one\n")
        #expect(try text(path) == "two\n")
        await sink.close()
    }

    @Test func aFileHasALimit() async throws {
        let path = try TemporaryFolder("file").path("log")
        let sink = FileSink(path: path, options: FileOptions(maximumBytes: 10))
        for text in ["1234", "5678", "9"] { try await sink.deliver([item(text)]) }
        #expect(try text(path + ".1") == "1234\n5678\n")
        #expect(try text(path) == "9\n")
        await sink.close()
    }

    /// As logrotate's `copytruncate` does, or another process that writes there, too.
    @Test func aFileMayBeCutOffOrGrownByOthers() async throws {
        let path = try TemporaryFolder("file").path("log")
        let sink = FileSink(path: path, options: FileOptions(maximumBytes: 12))
        try await sink.deliver([item("1234567")])
        try FileManager.default.copyItem(atPath: path, toPath: path + ".copy")
        let other = try #require(FileHandle(forUpdatingAtPath: path))
        try other.truncate(atOffset: 0)
        // It has room again.
        try await sink.deliver([item("8")])
        #expect(try text(path) == "8\n")
        #expect(!FileManager.default.fileExists(atPath: path + ".1"))
        try other.seekToEnd()
        try other.write(contentsOf: Data("of another\n".utf8))
        // It has none.
        try await sink.deliver([item("9")])
        #expect(try text(path) == "9\n")
        #expect(try text(path + ".1") == "8\nof another\n")
        try other.close()
        await sink.close()
    }

    /// A full disk is away, not the end: what it has not taken comes again.
    @Test func aFullDiskIsWaitedFor() async throws {
        let folder = try TemporaryFolder("file")
        let path = folder.path("log")
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/dev/full")
        let options = SinkOptions(interval: .zero, retry: Backoff(initial: .milliseconds(1), maximum: .milliseconds(1)))
        let connection = SinkConnection(FileSink(path: path), options: options)
        let confirmation = try await connection.beginPublishing(
            Message("one"),
            to: "a",
            options: PublishOptions(guarantee: .atLeastOnce)
        )
        for await state in connection.states() where state == .disconnected { break }
        #expect(connection.statistics.lastLinkFailure?.contains("No space") == true)
        try FileManager.default.removeItem(atPath: path)
        try await confirmation.wait()
        #expect(try text(path) == "one\n")
        await connection.close()
    }

    @Test func aFolderThatIsNotThereIsSaid() async throws {
        let sink = FileSink(path: "/nowhere/at/all")
        await #expect { try await sink.deliver([item("x")]) } throws: { error in
            (error as? MessagingError)?.isRetriable == true && "\(error)".contains("/nowhere/at/all")
        }
    }
}
