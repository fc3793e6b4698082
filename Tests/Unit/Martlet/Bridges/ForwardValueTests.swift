import DequeModule
import Martlet
import Testing

@testable import struct Martlet.BridgeMark
@testable import struct Martlet.ForwardBurial
@testable import struct Martlet.ForwardDirection
@testable import struct Martlet.ForwardEntry
@testable import struct Martlet.ForwardIntake
@testable import class Martlet.ForwardMemory
@testable import struct Martlet.ForwardRetries
@testable import enum Martlet.ForwardSink
@testable import enum Martlet.ForwardSource
@testable import struct Martlet.ForwardWindow

/// The parts of a route that passes messages on, each by itself.
@Suite(.timeLimit(.minutes(10)))
struct ForwardValueTests {
    // MARK: Intake

    private static func intake(
        _ source: ForwardSource = .topics("a.*"),
        to sink: ForwardSink = .topics("b.{1}"),
        options: RouteOptions = RouteOptions(),
        given: Capabilities = [.retain],
        taken: Capabilities = [.retain],
        memory: ForwardMemory? = nil
    ) throws -> ForwardIntake {
        try ForwardIntake(
            ForwardDirection(
                name: "route",
                side: .from,
                source: source,
                sink: sink,
                options: options,
                transform: nil
            ),
            from: given,
            to: taken,
            mark: BridgeMark(bridge: "bridge", hopLimit: 8),
            memory: memory ?? ForwardMemory(options),
            now: .zero
        )
    }

    private static func entry(
        _ topic: TopicName = "a.x",
        _ body: String = "1",
        headers: Headers = [:],
        isRetained: Bool = false,
        at time: Duration = .zero
    ) -> ForwardEntry {
        let message = Message(Array(body.utf8), headers: headers)
        return ForwardEntry(Delivery(topic: topic, message: message, isRetained: isRetained), begun: time)
    }

    @Test func aMessageThatHasPassedIsLeftOut() throws {
        let intake = try Self.intake()
        var passed = Self.entry(headers: ["bridge-path": "other,bridge"])
        #expect(intake.screen(&passed) == \.looped)
        var other = Self.entry(headers: ["bridge-path": "other"])
        #expect(intake.screen(&other) == nil)
    }

    @Test func aDuplicateIsLeftOutOrWaitsForTheFirst() throws {
        let options = RouteOptions(deduplication: 10)
        let memory = ForwardMemory(options)
        let intake = try Self.intake(options: options, memory: memory)
        var entries = (0..<4).map { _ in Self.entry(headers: ["message-id": "1"]) }
        #expect(intake.screen(&entries[0]) == nil)
        #expect(!entries[0].isRepeated)
        #expect(intake.screen(&entries[1]) == nil)
        #expect(entries[1].isRepeated)
        // One that waits for another does not make room for a third.
        memory.abandon(entries[1])
        #expect(intake.screen(&entries[2]) == nil)
        #expect(entries[2].isRepeated)
        memory.arrived(entries[0])
        #expect(intake.screen(&entries[3]) == \.duplicates)
    }

    @Test func aMessageGoesWhereTheTemplateSays() throws {
        var intake = try Self.intake()
        var entry = Self.entry()
        #expect(intake.select(&entry) == .take)
        #expect(entry.topic == "b.x")
        var queued = try Self.intake(to: .queue("jobs"))
        var job = Self.entry()
        #expect(queued.select(&job) == .take)
        #expect(job.topic == "a.x")
        var origin = try Self.intake(to: .topics("c.{origin}"))
        var unknown = Self.entry()
        #expect(origin.select(&unknown) == .bury(MessagingError(.invalidTopic, "")))
    }

    @Test func bodiesAndTimesDecideAboutTheRest() throws {
        let options = RouteOptions(
            rate: RateLimit(perSecond: 1),
            sampling: .interval(.seconds(10)),
            changes: .onlyIfChanged
        )
        let memory = ForwardMemory(options)
        var intake = try Self.intake(options: options, memory: memory)
        var first = Self.entry()
        #expect(intake.select(&first) == .take)
        #expect(intake.waitForRate(at: .zero) == nil)
        #expect(intake.waitForRate(at: .milliseconds(250)) == .milliseconds(750))
        memory.passes(&first)
        memory.arrived(first)
        var same = Self.entry(at: .seconds(20))
        #expect(intake.select(&same) == .drop(\.unchanged))
        var early = Self.entry("a.x", "2", at: .seconds(5))
        #expect(intake.select(&early) == .drop(\.sampledOut))
        var later = Self.entry("a.x", "2", at: .seconds(20))
        #expect(intake.select(&later) == .take)
    }

    /// What is on its way counts, for it may arrive. Nobody knows what the sink has after one that failed.
    @Test func changesAreThoseToWhatIsOnItsWay() throws {
        let options = RouteOptions(changes: .onlyIfChanged, deduplication: 10)
        let memory = ForwardMemory(options)
        var intake = try Self.intake(options: options, memory: memory)
        func decide(_ body: String, id: String? = nil) throws -> (ForwardIntake.Decision, ForwardEntry) {
            var entry = Self.entry("a.x", body, headers: id.map { ["message-id": .string($0)] } ?? [:])
            _ = intake.screen(&entry)
            let decision = intake.select(&entry)
            if decision == .take { memory.passes(&entry) }
            return (decision, entry)
        }
        let first = try decide("on")
        #expect(first.0 == .take)
        let off = try decide("off")
        memory.arrived(first.1)
        // What is under way at the end of a run may not arrive, and comes again.
        memory.restart()
        let again = try decide("off", id: "1")
        let on = try decide("on")
        #expect(off.0 == .take && again.0 == .take && on.0 == .take)
        memory.arrived(again.1)
        #expect(try decide("off", id: "2").0 == .take)
        memory.arrived(on.1)
        let last = try decide("on")
        #expect(last.0 == .take)
        memory.arrived(last.1)
        #expect(try decide("on").0 == .drop(\.unchanged))
        let failing = try decide("off")
        memory.abandon(failing.1)
        #expect(try decide("on").0 == .take)
    }

    @Test(arguments: [
        // policy, told, retained, body: kept
        (RetainPolicy.kept, false, true, "x", true), (.kept, false, false, "x", false), (.kept, false, false, "", true),
        (.kept, true, false, "", false), (.kept, true, true, "", true), (.all, false, false, "x", true),
        (.none, true, true, "x", false),
    ])
    func aMessageIsKeptAsThePolicySays(
        _ policy: RetainPolicy,
        _ isTold: Bool,
        _ isRetained: Bool,
        _ body: String,
        _ isKept: Bool
    ) throws {
        var intake = try Self.intake(
            options: RouteOptions(retain: policy),
            given: isTold ? [.retain, .retainAsPublished] : .retain,
            taken: [.retain, .separateHeaders]
        )
        var entry = Self.entry("a.x", body, headers: ["reply-to": "me"], isRetained: isRetained)
        let isMarked = intake.prepare(&entry)
        #expect(isMarked)
        #expect(entry.retain == isKept)
        #expect(entry.message.headers.replyTo == nil)
    }

    /// Where headers are in an envelope a deletion goes bare; once, for nothing else stops it in a circle.
    @Test func aDeletionGoesOnBareOnce() throws {
        var intake = try Self.intake()
        func pass(_ body: String) -> (isMarked: Bool, retain: Bool) {
            var entry = Self.entry("a.x", body, headers: ["a": "b"])
            let isMarked = intake.prepare(&entry)
            #expect(entry.message.headers.isEmpty == !isMarked)
            return (isMarked, entry.retain)
        }
        #expect(pass("") == (false, true))
        #expect(pass("") == (true, false))
        #expect(pass("x") == (true, false))
        #expect(pass("") == (false, true))
    }

    // MARK: Retries

    @Test func aMessageIsTriedAgainAsLongAsThatMakesSense() {
        let retries = ForwardRetries(
            backoff: Backoff(initial: .seconds(1), maximum: .seconds(4), jitter: 0, attempts: 2),
            expiry: .seconds(60),
            guarantee: .atLeastOnce
        )
        func decision(
            _ code: MessagingError.Code,
            _ attempts: Int = 1,
            _ age: Duration = .zero
        ) -> ForwardRetries.Decision {
            retries.decision(after: MessagingError(code, ""), attempts: attempts, age: age)
        }
        #expect(decision(.queueFull) == .tryAgain(after: .seconds(1)))
        #expect(decision(.queueFull, 2) == .tryAgain(after: .seconds(2)))
        #expect(decision(.queueFull, 3) == .bury)
        #expect(decision(.queueFull, 1, .seconds(60)) == .bury)
        #expect(decision(.connectionLost) == .tryAgain(after: .seconds(1)))
        #expect(decision(.bodyTooLarge) == .bury)
        #expect(decision(.connectionClosed) == .end)
        #expect(retries.decision(after: Fault(), attempts: 1, age: .zero) == .bury)
        let once = ForwardRetries(backoff: Backoff(), expiry: nil, guarantee: .atMostOnce)
        // It may have arrived.
        #expect(once.decision(after: MessagingError(.connectionLost, ""), attempts: 1, age: .zero) == .bury)
        #expect(once.decision(after: MessagingError(.notConnected, ""), attempts: 1, age: .zero) != .bury)
    }

    // MARK: Burial

    @Test func aDeadLetterSaysWhy() {
        var entry = Self.entry("a.x", "body", headers: ["reply-to": "me", "own": "kept"])
        entry.attempts = 3
        entry.firstTime = 7
        entry.message = Message("changed")
        let letter = ForwardBurial.letter(for: entry, MessagingError(.queueFull, "no room"), of: "bridge", at: 9)
        #expect(letter.text == "body")
        #expect(letter.headers.replyTo == nil)
        #expect(letter.headers["own"] == "kept")
        #expect(letter.headers["death-reason"] == "queue-full: no room")
        #expect(letter.headers["death-topic"] == "a.x")
        #expect(letter.headers["death-deliveries"] == 3)
        #expect(letter.headers["death-first-time"] == 7)
        #expect(letter.headers["death-last-time"] == 9)
        #expect(letter.headers["death-bridge"] == "bridge")
        let other = ForwardBurial.letter(for: entry, Fault(), of: "bridge", at: 9)
        #expect(other.headers["death-reason"] == "handler-failed: out of order")
    }

    // MARK: The window

    @Test func whoeverBringsOneTooManyWaits() async throws {
        let window = ForwardWindow(limit: 2)
        let added = Shared(0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for number in 0..<5 {
                    try await window.add(Self.entry("a.x", "\(number)"))
                    added.withLock { $0 += 1 }
                }
                window.finish()
            }
            await until { added.withLock { $0 } == 2 }
            var bodies: [String] = []
            var batch: Deque<ForwardEntry> = []
            while true {
                try await window.next(into: &batch)
                if batch.isEmpty { break }
                while let entry = batch.popFirst() { bodies.append(entry.message.text ?? "") }
            }
            #expect(bodies == (0..<5).map(String.init))
        }
    }

    @Test func nobodyWaitsForRoomInAWindowThatNobodySettles() async throws {
        let window = ForwardWindow(limit: 1)
        try await window.add(Self.entry())
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try? await window.add(Self.entry()) }
            window.discard()
            try await group.waitForAll()
        }
    }
}
