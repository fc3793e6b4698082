import Foundation
import Martlet
import MartletTesting
import Testing

@testable import MartletAMQP

/// What comes from the network, which may be anything.
@Suite struct WireTests {
    private func parse(_ bytes: [UInt8], maximum: Int = 4_096) throws -> FrameParser.Step {
        try bytes.withUnsafeBytes { try FrameParser(maximumSize: maximum).next(in: $0, at: 0) }
    }

    @Test func aFrameIsCutOut() throws {
        guard case .frame(let frame, 8) = try parse([8, 0, 0, 0, 0, 0, 0, 0xCE, 1]) else {
            Issue.record("no frame")
            return
        }
        #expect(frame.kind == .heartbeat)
        #expect(frame.payload.isEmpty)
        guard case .needs(9) = try parse([3, 0, 1, 0, 0, 0, 1]) else {
            Issue.record("it is complete too early")
            return
        }
    }

    @Test(
        arguments: [
            [1, 0, 0, 0, 0, 0, 0, 0xCE], [2, 0, 1, 0, 0, 0, 13], [9, 0, 0, 0, 0, 0, 0, 0xCE], [3, 0, 1, 0, 0, 0, 0, 0],
            [1, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF], [65, 77, 81, 80, 0, 0, 9, 1],
        ] as [[UInt8]]
    ) func whatNoBrokerMaySendIsAnError(_ bytes: [UInt8]) {
        #expect(throws: MessagingError.self) { try parse(bytes) }
    }

    @Test(arguments: [1, 2, 3, 4]) func anythingIsDecodedOrRefused(_ seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let decoder = MethodDecoder()
        let numbers: [UInt32] = [0x000A_000A, 0x003C_003C, 0x003C_0032, 0x000A_0032, 0x0014_0028, 0x0032_000B]
        for round in 0..<20_000 {
            let count = Int.random(in: 14...80, using: &random)
            var bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            if round % 2 == 0 {
                let number = numbers.randomElement(using: &random) ?? 0
                for index in 0..<4 { bytes[index] = UInt8(truncatingIfNeeded: number >> UInt32(24 - 8 * index)) }
                _ = bytes.withUnsafeBytes { bytes in try? decoder.method(bytes) }
            } else {
                bytes[0] = 0
                bytes[1] = 60
                bytes[12] = 0x20
                bytes[13] = 0
                _ = bytes.withUnsafeBytes { bytes in try? decoder.header(bytes) }
            }
        }
    }

    @Test func whatIsTooDeepIsRefused() throws {
        // A table in a table in a table, as deep as a frame has room for.
        var table: [UInt8] = []
        let levels = 15_000
        for level in 0..<levels {
            let rest = (levels - level - 1) * 6
            table += [UInt8(truncatingIfNeeded: (rest + 0) >> 24), UInt8(truncatingIfNeeded: rest >> 16)]
            table += [UInt8(truncatingIfNeeded: rest >> 8), UInt8(truncatingIfNeeded: rest)]
            if level < levels - 1 { table += [0, UInt8(ascii: "F")] }
        }
        let header: [UInt8] = [0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0]
        let payload = header + table
        #expect(throws: MessagingError.self) {
            try payload.withUnsafeBytes { try MethodDecoder().header($0) }
        }
    }

    @Test func whatWasWrittenCanBeRead() throws {
        var encoder = FrameEncoder()
        var buffer: [UInt8] = []
        let headers: AMQPTable = ["a": .table(["b": .array([1, "x", .void])])]
        var publish = AMQPPublish(
            exchange: "e",
            routingKey: "k",
            isMandatory: true,
            properties: AMQPProperties(headers: headers),
            body: Array(repeating: 7, count: 10_000)
        )
        publish.returnNumber = 5
        try encoder.appendPublish(publish, channel: 3, to: &buffer, maximum: 4_096)
        var kinds: [Frame.Kind] = []
        var body = 0
        try buffer.withUnsafeBytes { bytes in
            var offset = 0
            while offset < bytes.count {
                guard case .frame(let frame, let size) = try FrameParser(maximumSize: 4_096).next(in: bytes, at: offset)
                else { throw FrameParser.broken("it ends too early") }
                kinds.append(frame.kind)
                #expect(frame.channel == 3)
                if frame.kind == .body { body += frame.payload.count }
                if frame.kind == .header {
                    let payload = UnsafeRawBufferPointer(rebasing: bytes[frame.payload])
                    let header = try MethodDecoder().header(payload)
                    #expect(header.bodySize == 10_000)
                    #expect(header.properties.headers?["a"] == headers["a"])
                    #expect(header.properties.headers?[AMQPPublish.returnHeader] == 5)
                }
                offset += size
            }
        }
        #expect(kinds == [.method, .header, .body, .body, .body])
        #expect(body == 10_000)
    }

    @Test func aMessageThatDoesNotFitLeavesNothingBehind() {
        var encoder = FrameEncoder()
        var buffer: [UInt8] = [1]
        let properties = AMQPProperties(headers: ["x": .bytes(Array(repeating: 0, count: 5_000))])
        let publish = AMQPPublish(exchange: "", routingKey: "", isMandatory: false, properties: properties, body: [])
        #expect(throws: MessagingError.self) {
            try encoder.appendPublish(publish, channel: 1, to: &buffer, maximum: 4_096)
        }
        #expect(buffer == [1])
    }

    // MARK: Assembly

    private var delivery: ContentAssembly.Announcement {
        .delivery(.init(consumer: "c", tag: 1, isRedelivered: false, exchange: "", routingKey: ""))
    }

    private func header(_ bodySize: UInt64) -> ContentHeader {
        ContentHeader(bodySize: bodySize, properties: AMQPProperties())
    }

    @Test func aHeaderWithoutPropertiesHasNone() throws {
        let payload: [UInt8] = [0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0]
        let header = try payload.withUnsafeBytes { try MethodDecoder().header($0) }
        #expect(header.bodySize == 258)
        #expect(header.properties == AMQPProperties())
    }

    /// py-amqp writes whole numbers that need 64 bits as `L`, also those that are negative.
    @Test(
        arguments: [
            ("L", -5_000_000_000), ("L", 5_000_000_000), ("L", -1), ("L", .min), ("l", -5_000_000_000), ("l", .min),
        ] as [(String, Int64)]
    ) func aHeaderOf64BitsIsSigned(_ kind: String, _ number: Int64) throws {
        let digits = (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) }
        let table: [UInt8] = [0, 0, 0, 11, 1] + Array("n\(kind)".utf8) + digits
        let payload: [UInt8] = [0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0] + table
        let header = try payload.withUnsafeBytes { try MethodDecoder().header($0) }
        #expect(header.properties.headers?["n"].flatMap { HeaderValue($0) } == .integer(number))
    }

    @Test func partsBecomeAMessage() throws {
        var assembly = ContentAssembly(maximumBodyBytes: 10)
        try assembly.announce(delivery)
        #expect(try assembly.header(header(3)) == nil)
        #expect(assembly.isBusy)
        let first = try [UInt8](1...2).withUnsafeBytes { try assembly.body($0) }
        #expect(first == nil)
        let content = try [UInt8]([3]).withUnsafeBytes { try assembly.body($0) }
        #expect(content?.body == [1, 2, 3])
        #expect(!assembly.isBusy)
    }

    @Test func whatIsOutOfOrderIsRefused() throws {
        var assembly = ContentAssembly(maximumBodyBytes: 10)
        #expect(throws: MessagingError.self) { try assembly.header(header(0)) }
        #expect(throws: MessagingError.self) { try [UInt8]([1]).withUnsafeBytes { try assembly.body($0) } }
        try assembly.announce(delivery)
        #expect(throws: MessagingError.self) { try assembly.announce(delivery) }
        _ = try assembly.header(header(1))
        #expect(throws: MessagingError.self) { try [UInt8]([1, 2]).withUnsafeBytes { try assembly.body($0) } }
    }

    @Test func whatIsTooLargeIsReadToItsEndAndNotKept() throws {
        var assembly = ContentAssembly(maximumBodyBytes: 10)
        try assembly.announce(delivery)
        #expect(try assembly.header(header(11)) == nil)
        for _ in 0..<10 {
            let part = try [UInt8]([1]).withUnsafeBytes { try assembly.body($0) }
            #expect(part == nil)
        }
        let content = try [UInt8]([1]).withUnsafeBytes { try assembly.body($0) }
        #expect(content?.refusal?.code == .bodyTooLarge && content?.body.isEmpty == true)
        #expect(!assembly.isBusy)
        // A size that no message has costs nothing either.
        try assembly.announce(delivery)
        #expect(try assembly.header(header(.max)) == nil)
        let more = try [UInt8](repeating: 0, count: 100).withUnsafeBytes { try assembly.body($0) }
        #expect(more == nil)
    }

    /// Tables of any depth are in them: they are refused by their numbers, on a stack that has no room for recursion.
    @Test func whatOnlyClientsSendIsNotDecoded() async throws {
        let levels = 20_000
        var table: [UInt8] = []
        for level in 0..<levels {
            let rest = (levels - level - 1) * 6
            for shift in [24, 16, 8, 0] { table.append(UInt8(truncatingIfNeeded: rest >> shift)) }
            if level < levels - 1 { table += [0, UInt8(ascii: "F")] }
        }
        // queue.declare: ticket, name, flags, arguments
        let payload: [UInt8] = [0, 50, 0, 10, 0, 0, 1, 97, 0] + table
        let message: String = await withCheckedContinuation { continuation in
            let thread = Thread {
                do {
                    _ = try payload.withUnsafeBytes { try MethodDecoder().method($0) }
                    continuation.resume(returning: "it was decoded")
                } catch {
                    continuation.resume(returning: "\(error)")
                }
            }
            thread.stackSize = 512 << 10
            thread.start()
        }
        #expect(message.contains("50.10 is not for clients"), "\(message)")
    }

    // MARK: Confirms

    @Test func confirmationsConcludeWhatTheyName() {
        var window = ConfirmWindow<String>()
        for item in ["a", "b", "c", "d", "e"] { window.add(item, bytes: 10) }
        #expect(window.next == 6)
        #expect(window.conclude(2, multiple: false, isTaken: true).map(\.0) == ["b"])
        #expect(window.conclude(2, multiple: false, isTaken: true).isEmpty)
        #expect(window.conclude(3, multiple: true, isTaken: false).map(\.0) == ["a", "c"])
        #expect(window.conclude(9, multiple: true, isTaken: true).isEmpty)
        #expect(window.count == 2)
        #expect(window.bytes == 20)
        window.returned(5, .init(code: 312, text: "", exchange: "", routingKey: ""))
        window.returned(77, .init(code: 312, text: "", exchange: "", routingKey: ""))
        let last = window.conclude(0, multiple: true, isTaken: true)
        #expect(last.map(\.0) == ["d", "e"])
        if case .confirmed = last[0].1, case .returned = last[1].1 {} else { Issue.record("wrong outcomes") }
        window.add("f", bytes: 10)
        #expect(window.removeAll() == ["f"])
        #expect(window.next == 1)
        #expect(window.bytes == 0)
    }

    @Test func whatIsSkippedHasItsNumber() {
        var window = ConfirmWindow<String>()
        window.add("a", bytes: 1)
        #expect(!window.hasSkipped)
        for _ in 0..<3 { window.skip() }
        window.add("b", bytes: 1)
        #expect(window.hasSkipped)
        #expect(window.conclude(3, multiple: false, isTaken: true).isEmpty)
        #expect(window.conclude(5, multiple: false, isTaken: true).map(\.0) == ["b"])
        #expect(window.conclude(4, multiple: true, isTaken: true).map(\.0) == ["a"])
        #expect(window.count == 0)
    }

    @Test func whatIsStuckLeavesNoTrail() {
        var window = ConfirmWindow<Int>()
        window.add(0, bytes: 1)
        for number in 1...10_000 {
            window.add(number, bytes: 1)
            if number % 3 != 0 { window.skip() }
            let last = window.next - (number % 3 != 0 ? 2 : 1)
            #expect(window.conclude(last, multiple: false, isTaken: true).map(\.0) == [number])
            if window.places > 100 { break }
        }
        #expect(window.places <= 100)
        #expect(window.conclude(1, multiple: false, isTaken: true).map(\.0) == [0])
        #expect(window.places == 0)
    }

    // MARK: Heartbeats

    @Test func silenceIsNoticed() {
        let start = Duration.seconds(7)
        var heartbeat = LinkHeartbeat(interval: .seconds(10), now: start)
        func verdict(_ read: Int, _ written: Int, _ seconds: Int, isDeaf: Bool = false) -> LinkHeartbeat.Verdict {
            heartbeat.check(read: read, written: written, isDeaf: isDeaf, now: start + .seconds(seconds))
        }
        #expect(verdict(0, 0, 3) == .nothing)
        #expect(verdict(0, 0, 5) == .send)
        #expect(verdict(1, 8, 6) == .nothing)
        #expect(verdict(1, 8, 28) == .send)
        #expect(verdict(1, 8, 29) == .dead)
        #expect(verdict(1, 8, 40, isDeaf: true) == .send)
        #expect(verdict(2, 16, 41) == .nothing)
    }
}
