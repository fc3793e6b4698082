import IntegrationSupport
import Martlet
import MartletTesting
import MartletTransport
import Synchronization
import Testing

@testable import MartletRedis

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@Suite(.timeLimit(.minutes(10))) struct CommandOutboxTests {
    /// What wakes the loop is counted.
    private final class Wakes: Sendable {
        private let number = Atomic(0)
        var count: Int { number.load(ordering: .acquiring) }
        func add() { number.add(1, ordering: .releasing) }
    }

    /// Which body each answer is about.
    private final class Given: Sendable {
        private let bodies = Mutex<[ObjectIdentifier: (String, PublishAnswer)]>([:])
        func add(_ answer: PublishAnswer, _ body: String) {
            bodies.withLock { $0[ObjectIdentifier(answer)] = (body, answer) }
        }
        func body(of answer: PublishAnswer) -> String {
            bodies.withLock { $0[ObjectIdentifier(answer)]?.0 ?? "unknown" }
        }
    }

    private func makeOutbox(limit: Int = 10, bytes: Int = 100_000, _ wakes: Wakes = Wakes()) -> CommandOutbox {
        let outbox = CommandOutbox(limit: limit, maximumBytes: bytes) { wakes.add() }
        outbox.connected()
        return outbox
    }

    /// Takes all that there is, in words.
    private func take(_ outbox: CommandOutbox) -> [String] {
        var taken: [String] = []
        while true {
            var bytes: [UInt8] = []
            var answers = 0
            guard let command = outbox.takeFirst({ bytes += $0 }, expect: { _ in answers += 1 }) else { return taken }
            #expect(bytes.count == command.bytes)
            switch command.kind {
            case .publishes(let topic): taken.append("\(command.count) to \(topic): \(words(of: bytes))")
            case .awaited: taken.append("\(answers) awaited: \(words(of: bytes))")
            case .request(let request): taken.append("request of \(request.bytes.count)")
            }
        }
    }

    /// The bodies of publishes, one after the other.
    private func words(of bytes: [UInt8]) -> String {
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false)
        return stride(from: 6, to: lines.count, by: 7).map { String(lines[$0]) }.joined(separator: " ")
    }

    private func request(isGuaranteed: Bool, _ answer: Answer = Answer()) -> Request {
        Request([[[1]]], isGuaranteed: isGuaranteed, .answer(answer))
    }

    @Test func publishesToOneTopicAreOneEntry() async throws {
        let wakes = Wakes()
        let outbox = makeOutbox(wakes)
        for (body, topic) in [("1", "a"), ("2", "a"), ("3", "b"), ("4", "a")] {
            _ = try await outbox.publish(Array(body.utf8), to: TopicName(topic))
        }
        #expect(wakes.count == 1, "only the first wakes")
        #expect(take(outbox) == ["2 to a: 1 2", "1 to b: 3", "1 to a: 4"])
        #expect(take(outbox) == [])
        _ = try await outbox.publish(Array("5".utf8), to: "a")
        #expect(wakes.count == 2)
        #expect(take(outbox) == ["1 to a: 5"], "what was taken is not continued")
    }

    /// Nothing here suspends, so that only who publishes can have sent what is gone. The first is written at once.
    @Test func whoPublishesOnTheLoopSendsEachPortion() async throws {
        try await RedisServer.withServer { server in
            try await withRedis(on: server.port) { connection in
                let waiting = try await withTaskExecutorPreference(connection.taskExecutor) {
                    var waiting: [Int] = []
                    for number in 1...70 {
                        try await connection.publish(Message("\(number)"), to: "portions")
                        if [1, 2, 32, 33, 64, 65, 70].contains(number) {
                            waiting.append(connection.session.outbox.count)
                        }
                    }
                    return waiting
                }
                #expect(waiting == [0, 1, 31, 0, 31, 0, 5])
            }
        }
    }

    @Test func whatIsAwaitedKeepsItsPlace() async throws {
        let outbox = makeOutbox()
        _ = try await outbox.publish([49], to: "a")
        try await outbox.put(.awaited([50], "a", PublishAnswer()))
        _ = try await outbox.publish([53], to: "b", PublishAnswer())
        try await outbox.put(.publish([51], "a"))
        try await outbox.put(.request(request(isGuaranteed: true)))
        _ = try await outbox.publish([52], to: "a")
        #expect(take(outbox) == ["1 to a: 1", "2 awaited: 2 5", "1 to a: 3", "request of 11", "1 to a: 4"])
    }

    @Test func whatIsAbandonedIsNotSent() async throws {
        let outbox = makeOutbox()
        let answers = [Answer(), Answer()]
        for answer in answers { try await outbox.put(.request(request(isGuaranteed: true, answer))) }
        answers[0].end(.failure(CancellationError()))
        #expect(take(outbox) == ["request of 11"])
    }

    @Test func whoFindsItFullWaits() async throws {
        let outbox = makeOutbox(limit: 2)
        for _ in 0..<2 { _ = try await outbox.publish([49], to: "a") }
        let waiting = Task { try await outbox.publish([50], to: "a") }
        let cancelled = Task { try await outbox.put(.publish([51], "a")) }
        try await until { outbox.parkedCount == 2 }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        #expect(outbox.parkedCount == 1)
        // It is let in when the others are taken, and taken with what is taken next.
        #expect(take(outbox) == ["2 to a: 1 1", "1 to a: 2"])
        _ = try await waiting.value
    }

    @Test func oneMayBeLargerThanAll() async throws {
        let outbox = makeOutbox(bytes: 10)
        _ = try await outbox.publish([UInt8](repeating: 49, count: 100), to: "a")
        async let second = outbox.publish([50], to: "b")
        try await until { outbox.parkedCount == 1 }
        #expect(take(outbox).count == 2)
        _ = try await second
    }

    @Test func withoutALinkOnlyWhatIsGuaranteedStays() async throws {
        let outbox = makeOutbox(limit: 4)
        let answer = PublishAnswer()
        for _ in 0..<2 { _ = try await outbox.publish([49], to: "a") }
        try await outbox.put(.request(request(isGuaranteed: true)))
        // These are with the loop already.
        var isFirst = true
        _ = outbox.takeFirst({ _ in isFirst = false }, expect: { _ in })
        #expect(!isFirst)
        _ = try await outbox.publish([50], to: "b")
        try await outbox.put(.awaited([51], "b", answer))
        try await outbox.put(.request(request(isGuaranteed: false)))
        try await outbox.put(.request(request(isGuaranteed: true)))
        let lost = outbox.disconnected()
        #expect(lost.commands.map(\.count) == [1, 1, 1])
        #expect(!lost.commands.contains { $0.isGuaranteed })
        #expect(lost.answers.map(ObjectIdentifier.init) == [ObjectIdentifier(answer)])
        let admission = try await outbox.publish([52], to: "b")
        guard case .offline = admission else { return #expect(Bool(false), "there is no link") }
        #expect(take(outbox) == ["request of 11", "request of 11"])
        outbox.connected()
        _ = try await outbox.publish([53], to: "b")
        #expect(take(outbox) == ["1 to b: 5"])
    }

    @Test func closingEndsWhoWaitsAndReturnsWhatWaited() async throws {
        let outbox = makeOutbox(limit: 2)
        for _ in 0..<2 { _ = try await outbox.publish([49], to: "a") }
        let waiting = Task { try await outbox.publish([50], to: "a") }
        try await until { outbox.parkedCount == 1 }
        #expect(outbox.close(MessagingError.closed).commands.map(\.count) == [2])
        #expect(await errorCode { _ = try await waiting.value } == .connectionClosed)
        #expect(await errorCode { _ = try await outbox.publish([51], to: "a") } == .connectionClosed)
        #expect(await errorCode { try await outbox.put(.publish([51], "a")) } == .connectionClosed)
        #expect(outbox.close(MessagingError.offline).commands.isEmpty)
    }

    // MARK: A socket that is lent

    private func makePair() -> (ours: CInt, theirs: CInt) {
        var ends: [CInt] = [-1, -1]
        #expect(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) == 0)
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
        return (ends[0], ends[1])
    }

    /// Two that take little at a time, and often a part of what is written.
    private func makeNarrowPair() async throws -> (ours: Socket, theirs: Socket) {
        let listener = try Socket.listening()
        let ours = try Socket.connecting(to: .loopback(port: try listener.localPort))
        var theirs: Socket?
        try await until {
            theirs = listener.accept()
            return theirs != nil
        }
        var size: CInt = 4_096
        #expect(setsockopt(ours.descriptor, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<CInt>.size)) == 0)
        return (ours, try #require(theirs))
    }

    private func readAll(_ descriptor: CInt) -> Int {
        var total = 0
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return total }
            total += count
        }
    }

    /// What comes alone while nothing is under way is written at once; the next ones wait for the loop.
    @Test func whatComesAloneIsWrittenAtOnce() async throws {
        let wakes = Wakes()
        let outbox = makeOutbox(wakes)
        let (ours, theirs) = makePair()
        defer { for end in [ours, theirs] { close(end) } }
        outbox.lend(ours, isIdle: true)
        try await outbox.put(.request(request(isGuaranteed: true)))
        #expect(readAll(theirs) == 11)
        #expect(wakes.count == 0)
        try await outbox.put(.request(request(isGuaranteed: true)))
        #expect(readAll(theirs) == 0, "another is under way")
        #expect(wakes.count == 1)
        outbox.lend(ours, isIdle: true)
        let written = outbox.collectWritten()
        #expect(written.commands.commands.map(\.count) == [1])
        #expect(written.rest.isEmpty)
        #expect(outbox.collectWritten().commands.commands.isEmpty)
        #expect(take(outbox) == ["request of 11"])
        // The loop has that, and is yet to write it.
        try await outbox.put(.request(request(isGuaranteed: true)))
        #expect(readAll(theirs) == 0, "it would overtake what was taken")
        #expect(take(outbox) == ["request of 11"])
        outbox.lend(ours, isIdle: false)
        try await outbox.put(.request(request(isGuaranteed: true)))
        #expect(readAll(theirs) == 0, "something is under way")
        #expect(take(outbox) == ["request of 11"])
        outbox.lend(ours, isIdle: true)
        let answer = PublishAnswer()
        _ = try await outbox.publish([49], to: "a", answer)
        #expect(readAll(theirs) > 0)
        let publish = outbox.reclaim()
        #expect(publish.commands.commands.map(\.count) == [1])
        #expect(publish.commands.answers.map(ObjectIdentifier.init) == [ObjectIdentifier(answer)])
        try await outbox.put(.request(request(isGuaranteed: true)))
        #expect(readAll(theirs) == 0, "it is lent no more")
        #expect(take(outbox) == ["request of 11"])
        #expect(outbox.reclaim().commands.commands.isEmpty)
    }

    /// Who completes a portion of publishes writes it, whatever is under way.
    @Test func aPortionIsWrittenByWhoCompletesIt() async throws {
        let wakes = Wakes()
        let outbox = makeOutbox(limit: 100, wakes)
        let (ours, theirs) = makePair()
        defer { for end in [ours, theirs] { close(end) } }
        outbox.lend(ours, isIdle: false)
        for number in 1...70 {
            _ = try await outbox.publish([49], to: "a", number.isMultiple(of: 2) ? PublishAnswer() : nil)
            #expect((readAll(theirs) > 0) == number.isMultiple(of: 32))
        }
        #expect(wakes.count == 3, "the first of each wakes")
        let written = outbox.collectWritten()
        #expect(written.commands.commands.reduce(0) { $0 + $1.count } == 64)
        #expect(written.commands.answers.count == 32)
        // A request among them has its bytes elsewhere.
        try await outbox.put(.request(request(isGuaranteed: true)))
        for _ in 1...25 { _ = try await outbox.publish([49], to: "a") }
        #expect(readAll(theirs) == 0)
        #expect(take(outbox).count == 6 + 2)
        // Something came before that the loop has not seen; that it lends again at the end of a round does not mean that it has.
        outbox.lend(ours, isIdle: true)
        outbox.holdBack()
        for _ in 1...16 { _ = try await outbox.publish([49], to: "a") }
        outbox.lend(ours, isIdle: false)
        for _ in 1...16 { _ = try await outbox.publish([49], to: "a") }
        #expect(readAll(theirs) == 0)
        outbox.release()
        // No more than the outbox may keep waits for the loop.
        #expect(take(outbox) == ["32 to a: " + Array(repeating: "1", count: 32).joined(separator: " ")])
        outbox.lend(ours, isIdle: false)
        for _ in 1...100 { _ = try await outbox.publish([49], to: "a") }
        #expect(readAll(theirs) > 0)
        _ = take(outbox)
        outbox.lend(ours, isIdle: false)
        for _ in 1...32 { _ = try await outbox.publish([49], to: "a") }
        #expect(readAll(theirs) == 0)
    }

    /// What the socket has no room for is the loop's, before anything else; all of what has not begun waits there.
    @Test func whatASocketDoesNotTakeIsTheLoops() async throws {
        let (ours, theirs) = try await makeNarrowPair()
        let bytes = [UInt8](repeating: 1, count: 16 << 20)
        var loan = SocketLoan(ours.descriptor, limit: 10)
        func write(_ bytes: [UInt8]) -> SocketLoan.Outcome {
            bytes.withUnsafeBytes { loan.write($0, count: 1) { $0.commands.append(CommandEntry(.awaited)) } }
        }
        #expect(write([1]) == .whole)
        #expect(write(bytes) == .part)
        // The loop has not heard of it, and room is there again.
        loan.renew(isIdle: true)
        #expect(!loan.isIdle)
        #expect(readAll(theirs.descriptor) > 0)
        #expect(write([1]) == .nothing, "the rest comes first")
        let written = loan.takeWritten()
        #expect(written.commands.commands.count == 2)
        #expect((1..<bytes.count).contains(written.rest.count))
        #expect(write([1]) == .nothing, "it is the loop's until it lends it again")
        loan.renew(isIdle: true)
        #expect(loan.isIdle)
        var outcome = SocketLoan.Outcome.whole
        while outcome == .whole { outcome = write([UInt8](repeating: 1, count: 1_000)) }
        #expect(loan.takeWritten().commands.commands.count <= 10, "no more than its limit before the loop has asked")
    }

    /// The loop is woken for it.
    @Test(arguments: [false, true]) func itIsWokenForWhatIsLeft(isPublish: Bool) async throws {
        let wakes = Wakes()
        let outbox = makeOutbox(wakes)
        let (ours, theirs) = try await makeNarrowPair()
        defer { theirs.end() }
        let body = [UInt8](repeating: 1, count: 60_000)
        var written = SocketLoan.Written()
        for _ in 0..<1_000 {
            outbox.lend(ours.descriptor, isIdle: true)
            if isPublish {
                _ = try await outbox.publish(body, to: "a")
            } else {
                try await outbox.put(.request(Request([[body]], isGuaranteed: true, .answer(Answer()))))
            }
            written = outbox.collectWritten()
            if written.commands.commands.isEmpty || !written.rest.isEmpty { break }
        }
        #expect(wakes.count == 1)
        if written.rest.isEmpty {
            #expect(take(outbox).count == 1, "it has not begun")
        } else {
            #expect((1..<60_100).contains(written.rest.count))
            #expect(outbox.reclaim().commands.commands.isEmpty, "it is lent no more")
            #expect(take(outbox) == [])
        }
    }

    @Test func whatWasWrittenToALostSocketIsNotForgotten() async throws {
        let outbox = makeOutbox()
        let (ours, theirs) = makePair()
        close(theirs)
        defer { close(ours) }
        outbox.lend(ours, isIdle: true)
        // The system refuses it: it is for the loop to find out why.
        try await outbox.put(.request(request(isGuaranteed: true)))
        #expect(outbox.reclaim().commands.commands.isEmpty)
        #expect(take(outbox) == ["request of 11"])
    }

    /// Several producers and a loop write to one socket that is often full: the other side gets everything once, each
    /// producer's in its order, and the loop knows all that it has to expect, in the order of the bytes.
    @Test func whoeverWritesNothingIsLostOrOvertaken() async throws {
        let outbox = makeOutbox(limit: 100, bytes: 1 << 20)
        let (ours, theirs) = try await makeNarrowPair()
        let (producers, each) = (4, 1_000)
        let given = Given()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for producer in 0..<producers {
                group.addTask {
                    for number in 0..<each {
                        let body = "\(producer).\(number)" + String(repeating: "-", count: number % 97 * 2)
                        let answer = PublishAnswer()
                        given.add(answer, body)
                        _ = try await outbox.publish(Array(body.utf8), to: "a", answer)
                    }
                }
            }
            // The other side reads slowly, and tells what it has got.
            async let received: [UInt8] = {
                var received: [UInt8] = []
                while received.suffix(3) != [33, 13, 10] {
                    if case .done(let bytes) = theirs.read(limit: 3_000) { received += bytes }
                    await Task.yield()
                }
                return received
            }()
            var expected: [PublishAnswer] = []
            var output: [UInt8] = []
            var random = SystemRandomNumberGenerator()
            func takeOver(_ written: SocketLoan.Written) {
                expected += written.commands.answers
                output += written.rest
            }
            while expected.count < producers * each || !output.isEmpty {
                takeOver(Bool.random(using: &random) ? outbox.collectWritten() : outbox.reclaim())
                // Whatever is taken is written behind what others have written meanwhile.
                while outbox.takeFirst(
                    {
                        takeOver(outbox.reclaim())
                        output += $0
                    },
                    expect: { expected.append($0) }
                ) != nil {}
                let count = output.withUnsafeBytes { SocketOutput.send(ours.descriptor, $0) }
                if count > 0 { output.removeFirst(count) }
                await Task.yield()
                if output.isEmpty { outbox.lend(ours.descriptor, isIdle: Bool.random(using: &random)) }
            }
            try await group.waitForAll()
            let end = Array("!\r\n".utf8)
            while end.withUnsafeBytes({ SocketOutput.send(ours.descriptor, $0) }) < 0 { await Task.yield() }
            let words = await words(of: received.dropLast(3)).split(separator: " ").map(String.init)
            #expect(words == expected.map { given.body(of: $0) })
            for producer in 0..<producers {
                let own = words.filter { $0.hasPrefix("\(producer).") }
                #expect(own.map { Int($0.dropFirst(2).prefix { $0 != "-" }) } == Array(0..<each))
            }
        }
    }

    /// Many producers, of which some give up: what was put in comes out once, each producer's in its order, and nothing of
    /// those who gave up.
    @Test func nothingIsLostOrDoubledUnderStress() async throws {
        let outbox = makeOutbox(limit: 8, bytes: 1_000)
        let over = Wakes()
        try await withThrowingTaskGroup(of: [String].self) { group in
            for producer in 0..<8 {
                group.addTask {
                    var accepted: [String] = []
                    for number in 0..<400 {
                        let body = "\(producer).\(number)"
                        let topic = TopicName("t\(number / 7 % 2)")
                        let put = Task {
                            if number % 3 == 0 {
                                try await outbox.put(.awaited(Array(body.utf8), topic, PublishAnswer()))
                            } else {
                                _ = try await outbox.publish(Array(body.utf8), to: topic)
                            }
                        }
                        if number % 7 == producer % 7 { put.cancel() }
                        do {
                            try await put.value
                            accepted.append(body)
                        } catch is CancellationError {}
                    }
                    return accepted
                }
            }
            async let taking: [UInt8] = {
                var taken: [UInt8] = []
                while true {
                    let wasOver = over.count > 0
                    guard outbox.takeFirst({ taken += $0 }, expect: { _ in }) == nil else { continue }
                    if wasOver { return taken }
                    await Task.yield()
                }
            }()
            var accepted: [String] = []
            for try await some in group { accepted += some }
            over.add()
            let bodies = await words(of: taking).split(separator: " ").map(String.init)
            #expect(accepted.count > 8 * 300)
            for producer in 0..<8 {
                #expect(
                    bodies.filter { $0.hasPrefix("\(producer).") } == accepted.filter { $0.hasPrefix("\(producer).") }
                )
            }
        }
    }
}
