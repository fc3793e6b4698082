import DequeModule
import Synchronization

/// Keeps a route's messages on disk until its sink has them.
///
/// Calls that block are made on a queue of its own, away from the threads that tasks share.
final class MessageStore: Settler {
    private struct Done {
        var frontier: StoreFrontier
        /// The last number that was handed out, plus one.
        var handedOut: UInt64
    }

    private let files: Mutex<StoreFiles>
    private let done: Mutex<Done>
    private let queue: BlockingQueue
    private let mailbox: Mailbox<Delivery>
    private let (rings, bell) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    private let options: StoreOptions
    private let timers: Timers
    private let wall: @Sendable () -> Int64
    private let recorder: RouteRecorder
    private let warn: Warn

    /// Says in the log that something went wrong, and why.
    typealias Warn = @Sendable (_ subject: String, _ error: (any Error)?) -> Void

    /// Opens the store. Blocks.
    private init(
        _ options: StoreOptions,
        _ disk: StoreDisk,
        _ timers: Timers,
        _ wall: @escaping @Sendable () -> Int64,
        window: Int,
        recorder: RouteRecorder,
        warn: @escaping Warn
    ) throws {
        let files = try StoreFiles(options, disk: disk)
        queue = disk.makeQueue()
        let (cursor, damage) = (files.cursor, files.damage)
        self.options = options
        self.timers = timers
        self.wall = wall
        done = Mutex(Done(frontier: StoreFrontier(next: cursor), handedOut: cursor))
        let waiting = Int(clamping: files.waiting)
        self.files = Mutex(files)
        mailbox = Mailbox(limit: window)
        self.recorder = recorder
        self.warn = warn
        recorder.update { statistics in
            statistics.stored = waiting
            statistics.storeDropped += damage.lost
            if damage.failure != nil { statistics.storeFailures += 1 }
        }
        tell(damage)
    }

    private func tell(_ damage: StoreSurvey.Damage) {
        if damage.lost > 0 || damage.files > 0 {
            let count = "\(damage.lost) message\(damage.lost == 1 ? "" : "s")"
            warn(
                "the store was damaged: \(count) can't be read; what is left is passed on, and the files are kept",
                damage.failure
            )
        } else if let failure = damage.failure {
            warn("the store's disk failed while it was opened", failure)
        }
        if damage.isCursorLost { warn("the store has forgotten what was passed on, and passes it on again", nil) }
    }

    /// Opens the store.
    ///
    /// - Parameters:
    ///   - timers: by whose clock messages age.
    ///   - window: how many messages are handed out ahead of their reader.
    ///   - wall: the time of day, in nanoseconds since 1970.
    ///   - warn: called for everything that goes wrong; it decides how often that is logged.
    /// - Throws: ``MessagingError/Code/invalidArgument`` if its folder can't be used.
    static func open(
        _ options: StoreOptions,
        on disk: StoreDisk = .system,
        timers: Timers,
        window: Int,
        recorder: RouteRecorder,
        wall: @escaping @Sendable () -> Int64 = { WallClock.nanoseconds },
        warn: @escaping Warn
    ) async throws -> MessageStore {
        try await disk.makeQueue().perform {
            try MessageStore(options, disk, timers, wall, window: window, recorder: recorder, warn: warn)
        }
    }

    private func perform<Value: Sendable>(_ body: @escaping @Sendable (inout StoreFiles) -> Value) async -> Value {
        await queue.perform { self.files.withLock { body(&$0) } }
    }

    /// The messages to pass on, in order. The subscription ends with ``finish()``; messages that have not been
    /// acknowledged by then stay.
    var deliveries: Subscription { Subscription(mailbox) { [bell] in bell.finish() } }

    /// Nothing more comes in: ``handOut()`` ends with what is written.
    func endIntake() { bell.finish() }

    /// Hands out no more.
    func finish() {
        bell.finish()
        mailbox.finish()
    }

    // MARK: Coming in

    /// Whether a message is small enough for the store: a larger one would be waited with for ever.
    func takes(_ delivery: Delivery) -> Bool { StoreFiles.takes(Self.stored(delivery, time: 0), options) }

    private static func stored(_ delivery: Delivery, time: Int64) -> StoredMessage {
        StoredMessage(
            topic: delivery.topic,
            message: delivery.message.packed(at: time),
            isRetained: delivery.isRetained,
            time: time
        )
    }

    /// Writes messages and acknowledges each when it is written. Waits for room if there is none and that is the rule,
    /// and for the disk if it fails; messages that are not written yet stay with their source meanwhile.
    ///
    /// - Throws: `CancellationError`.
    func take(_ batch: Deque<Delivery>) async throws {
        let time = wall()
        let lead = time - timers.now.wholeNanoseconds
        var left = batch.map { Self.stored($0, time: time) }
        var deliveries = batch
        var attempts = 0
        while !left.isEmpty {
            let messages = left
            let (appended, waiting) = await perform { files in
                let appended = files.append(messages, lead: lead)
                return (appended, Int(clamping: files.waiting))
            }
            left.removeFirst(appended.taken)
            for _ in 0..<appended.taken { try? deliveries.removeFirst().ack() }
            if let first = appended.droppedBefore { done.withLock { $0.frontier.skip(to: first) } }
            recorder.update { statistics in
                statistics.stored = waiting
                statistics.storeDropped += appended.dropped
            }
            if appended.dropped > 0 { warn("the store is full and drops messages", nil) }
            bell.yield()
            if let failure = appended.failure { count(failure) }
            guard !left.isEmpty else { return }
            if appended.failure == nil { warn("the store is full and holds its source back", nil) }
            try await timers.sleep(for: Self.patience.delay(before: attempts) ?? .seconds(1))
            attempts = appended.taken > 0 ? 0 : attempts + 1
        }
    }

    private func count(_ failure: StoreFailure) {
        recorder.update { $0.storeFailures += 1 }
        warn("the store's disk fails; what it does not take stays with its source", failure)
    }

    private static let patience = Backoff(initial: .milliseconds(10), maximum: .seconds(1), jitter: 0)

    // MARK: Going out

    /// Hands out the messages that are written, until ``finish()`` or cancellation. What the disk fails to read is read
    /// again, and after some time passed over.
    func handOut() async throws {
        defer { mailbox.finish() }
        var failures = 0
        var rings = rings.makeAsyncIterator()
        while true {
            try Task.checkCancellation()
            let before = done.withLock { $0.frontier.next }
            let (found, waiting, failure) = await perform { [timers, wall] files in
                let failure = before > files.cursor ? files.finish(before: before) : nil
                let now = timers.now.wholeNanoseconds
                let found = files.read(256, now: now, lead: wall() - now)
                return (found, Int(clamping: files.waiting), failure)
            }
            if let failure { count(failure) }
            done.withLock { done in
                for numbers in found.unusable { done.frontier.finish(numbers) }
                let last = [found.messages.last?.number, found.unusable.last.map { $0.upperBound - 1 }].compactMap {
                    $0
                }.max()
                if let last { done.handedOut = max(done.handedOut, last + 1) }
            }
            recorder.update { statistics in
                statistics.stored = waiting
                statistics.storeDropped += found.dropped
            }
            if let failure = found.failure {
                recorder.update { $0.storeFailures += 1 }
                warn("the store's disk can't be read", failure)
                if found.messages.isEmpty {
                    try await timers.sleep(for: Self.patience.delay(before: failures) ?? .seconds(1))
                    failures += 1
                    continue
                }
            }
            failures = 0
            if found.messages.isEmpty, found.unusable.isEmpty {
                guard await rings.next() != nil else { break }
                continue
            }
            for (number, stored, now) in found.messages {
                let delivery = Delivery(
                    topic: stored.topic,
                    message: stored.message.unpacked(at: now),
                    isRetained: stored.isRetained,
                    settlement: Settlement(number, by: self)
                )
                guard case .parked(let id) = mailbox.offer(delivery, topic: stored.topic) else { continue }
                try await mailbox.waitUntilAdmitted(id)
            }
        }
    }

    /// Saves how far messages are done with, and lets another process use the folder.
    func close() async {
        finish()
        let before = done.withLock { $0.frontier.next }
        let (waiting, failure) = await perform { files in
            let failure = files.finish(before: before)
            files.unlock()
            return (Int(clamping: files.waiting), failure)
        }
        if let failure { count(failure) }
        recorder.update { $0.stored = waiting }
    }

    func settle(_ tag: UInt64, as disposition: Disposition) throws {
        // Messages that were not passed on when the bridge ended stay for the next time.
        guard disposition != .requeue else { return }
        let isDue = done.withLock { done in
            done.frontier.finish(tag)
            return done.frontier.next == done.handedOut || done.frontier.next.isMultiple(of: 256)
        }
        if isDue { bell.yield() }
    }
}

/// Turns numbers that are done with in any order into one number before which all are. A pure value.
struct StoreFrontier: Sendable {
    /// The first number that is not done with.
    private(set) var next: UInt64
    private var done: Set<UInt64> = []
    /// More of them, in a row.
    private var ranges: [Range<UInt64>] = []

    init(next: UInt64) {
        self.next = next
    }

    mutating func finish(_ number: UInt64) {
        guard number >= next else { return }
        done.insert(number)
        advance()
    }

    mutating func finish(_ numbers: Range<UInt64>) {
        guard numbers.upperBound > next else { return }
        ranges.append(numbers)
        advance()
    }

    private mutating func advance() {
        while true {
            if done.remove(next) != nil {
                next += 1
            } else if let position = ranges.firstIndex(where: { $0.contains(next) }) {
                next = ranges.remove(at: position).upperBound
            } else {
                return
            }
        }
    }

    /// Everything before a number is done with.
    mutating func skip(to number: UInt64) {
        guard number > next else { return }
        next = number
        done = done.filter { $0 >= number }
        ranges = ranges.filter { $0.upperBound > number }
        advance()
    }
}
