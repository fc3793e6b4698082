import IntegrationSupport
import Martlet
import MartletIO
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

@Suite(.timeLimit(.minutes(2))) struct CommandOutboxTests {
    /// What wakes the loop is counted.
    private final class Wakes: Sendable {
        private let number = Atomic(0)
        var count: Int { number.load(ordering: .acquiring) }
        func add() { number.add(1, ordering: .releasing) }
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

    @Test func whoCompletesAPortionIsToSendIt() async throws {
        let (wakes, portions) = (Wakes(), Wakes())
        let outbox = CommandOutbox(limit: 100, maximumBytes: 100_000) {
            wakes.add()
        } sendPortion: {
            portions.add()
        }
        outbox.connected()
        for number in 1...70 {
            _ = try await outbox.publish([49], to: "a")
            #expect(portions.count == number / 32)
        }
        #expect(wakes.count == 1)
        #expect(take(outbox).count == 1)
        // What was taken does not count.
        for _ in 1...31 { _ = try await outbox.publish([49], to: "a") }
        #expect(portions.count == 2)
    }

    /// Nothing here suspends, so that only who publishes can have sent what is gone.
    @Test func whoPublishesOnTheLoopSendsEachPortion() async throws {
        try await RedisServer.withServer { server in
            try await withRedis(on: server.port) { connection in
                let waiting = try await withTaskExecutorPreference(connection.taskExecutor) {
                    var waiting: [Int] = []
                    for number in 1...70 {
                        try await connection.publish(Message("\(number)"), to: "portions")
                        if [31, 32, 63, 64, 70].contains(number) { waiting.append(connection.session.outbox.count) }
                    }
                    return waiting
                }
                #expect(waiting == [31, 0, 31, 0, 6])
            }
        }
    }

    @Test func whatIsAwaitedKeepsItsPlace() async throws {
        let outbox = makeOutbox()
        _ = try await outbox.publish([49], to: "a")
        try await outbox.put(.awaited([50], "a", Answer(of: "a")))
        _ = try await outbox.publish([53], to: "b", Answer(of: "b"))
        try await outbox.put(.publish([51], "a"))
        try await outbox.put(.request(request(isGuaranteed: true)))
        _ = try await outbox.publish([52], to: "a")
        #expect(take(outbox) == ["1 to a: 1", "2 awaited: 2 5", "1 to a: 3", "request of 11", "1 to a: 4"])
    }

    @Test func whatIsAbandonedIsNotSent() async throws {
        let outbox = makeOutbox()
        let answers = [Answer(), Answer()]
        for answer in answers { try await outbox.put(.request(request(isGuaranteed: true, answer))) }
        answers[0].withdraw()
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
        let answer = Answer(of: "a")
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

    private func readAll(_ descriptor: CInt) -> Int {
        var total = 0
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return total }
            total += count
        }
    }

    /// A request that comes alone is written at once; the next ones wait for the loop, and so does what is no request.
    @Test func aRequestThatComesAloneIsWrittenAtOnce() async throws {
        let wakes = Wakes()
        let outbox = makeOutbox(wakes)
        let (ours, theirs) = makePair()
        defer { for end in [ours, theirs] { close(end) } }
        #expect(outbox.lend(ours))
        try await outbox.put(.request(request(isGuaranteed: true)))
        #expect(readAll(theirs) == 11)
        #expect(wakes.count == 0)
        try await outbox.put(.request(request(isGuaranteed: true)))
        #expect(readAll(theirs) == 0, "another is under way")
        #expect(wakes.count == 1)
        #expect(!outbox.lend(ours), "something waits")
        let sent = outbox.collectSent()
        #expect(sent.map(\.count) == [1])
        #expect(sent.first?.restFrom == nil)
        #expect(outbox.collectSent().isEmpty)
        #expect(take(outbox) == ["request of 11"])
        // The loop has that, and is yet to write it.
        try await outbox.put(.request(request(isGuaranteed: true)))
        #expect(readAll(theirs) == 0, "it would overtake what was taken")
        #expect(take(outbox) == ["request of 11"])
        #expect(outbox.reclaim().isEmpty)
        #expect(outbox.lend(ours))
        try await outbox.put(.request(request(isGuaranteed: true)))
        #expect(readAll(theirs) == 11)
        #expect(outbox.reclaim().count == 1)
        try await outbox.put(.request(request(isGuaranteed: true)))
        #expect(readAll(theirs) == 0, "it is lent no more")
        #expect(take(outbox) == ["request of 11"])
        #expect(outbox.reclaim().isEmpty)
    }

    /// What the socket has no room for is the loop's: all of it, or the rest of what has begun, before anything else.
    @Test func whatASocketDoesNotTakeIsTheLoops() async throws {
        let wakes = Wakes()
        let outbox = makeOutbox(wakes)
        let (ours, theirs) = makePair()
        defer { for end in [ours, theirs] { close(end) } }
        let body = [UInt8](repeating: 1, count: 10_000)
        var rest: Int?
        for _ in 0..<1_000 {
            #expect(outbox.lend(ours))
            try await outbox.put(.request(Request([[body]], isGuaranteed: true, .answer(Answer()))))
            let sent = outbox.collectSent()
            rest = sent.first?.restFrom
            if sent.isEmpty || rest != nil { break }
        }
        #expect(wakes.count == 1)
        if let rest {
            #expect((1..<10_000).contains(rest))
            #expect(outbox.reclaim().isEmpty, "it is lent no more")
            #expect(take(outbox) == [])
        } else {
            #expect(take(outbox).count == 1, "it has not begun")
        }
    }

    @Test func whatWasWrittenToALostSocketIsNotForgotten() async throws {
        let outbox = makeOutbox()
        let (ours, theirs) = makePair()
        close(theirs)
        defer { close(ours) }
        #expect(outbox.lend(ours))
        // The system refuses it: it is for the loop to find out why.
        try await outbox.put(.request(request(isGuaranteed: true)))
        #expect(outbox.reclaim().isEmpty)
        #expect(take(outbox) == ["request of 11"])
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
                                try await outbox.put(.awaited(Array(body.utf8), topic, Answer(of: topic)))
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
