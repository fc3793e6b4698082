import MartletTesting

@testable import Martlet

/// A server of an action: goals that are sent twice, cancelled before they come, preempted and out of time; handlers that end
/// in every way, or not in their time; clients that are not heard of; an end at any moment.
struct GoalWorld: World {
    /// What is known of a goal.
    struct Known {
        var announced: [GoalStatus] = []
        var starts = 0
        var cancellations = 0
        var isRunning = false
        var deadline: Duration?
        var beginBy: Duration?
        var lastHeard: Duration
        /// What its handler gave before the goal had ended.
        var output: Int?
        var isRejected = false

        var isOver: Bool { announced.last.map { $0.isTerminal } ?? false }
    }

    let trace: Trace
    private var random: SplitMix64
    private var now = Duration.zero
    private let options: ActionOptions
    private var core: ActionServerCore
    private var known: [String: Known] = [:]
    private var cancelledEarly: Set<String> = []
    private var lastGoal = 0

    init(seed: UInt64, isTraced: Bool) {
        trace = Trace(isOn: isTraced)
        random = SplitMix64(seed: seed)
        options = ActionOptions(
            policy: random.pick([.rejectIfBusy, .preemptLatest, .queue(limit: 2), .parallel(limit: 2)]),
            gracePeriod: .seconds(2),
            lostClient: random.chance(40) ? .cancel(after: .seconds(5)) : .detach,
            resultLifetime: .seconds(100_000),
            keptResults: 1_000
        )
        core = ActionServerCore("act", options)
    }

    mutating func run() throws {
        let steps = 20 + random.below(60)
        for _ in 0..<steps {
            switch random.below(100) {
            case 0..<35: try send()
            case 35..<50: try cancel()
            case 50..<60: try ask()
            case 60..<80: try end(nil)
            case 80..<82: try close()
            default: try pass(random.time(upTo: .seconds(3)))
            }
        }
        try close()
        try settle()
    }

    // MARK: Steps

    private mutating func send() throws {
        let isAgain = lastGoal > 0 && random.chance(15)
        if !isAgain { lastGoal += 1 }
        let id = "g\(isAgain ? 1 + random.below(lastGoal) : lastGoal)"
        let before = known[id]
        let acceptBy: Duration? = random.chance(20) ? random.time(upTo: .seconds(3)) : nil
        let deadline: Duration? = random.chance(30) ? random.time(upTo: .seconds(6)) : nil
        if before == nil {
            known[id] = Known(deadline: deadline.map { now + $0 }, beginBy: acceptBy.map { now + $0 }, lastHeard: now)
        }
        let error = core.send(GoalID(id), lastGoal, acceptBy: acceptBy, deadline: deadline, now: now)
        note("\(now): \(id) is sent: \(error.map { "\($0.code)" } ?? "taken on")")
        if let before {
            guard before.isRejected == (error != nil) else { throw Violation("\(id) is answered in two ways") }
        } else {
            known[id]?.isRejected = error != nil
            let isFull =
                switch options.policy {
                case .preemptLatest: false
                case .rejectIfBusy: running(except: id) >= 1
                case .queue(let limit): waiting(except: id) >= limit
                case .parallel(let limit): running(except: id) >= limit
                }
            let mayTake = core.phase == .serving && !isFull
            guard mayTake == (error == nil) else { throw Violation("\(id): \(error.map { "\($0)" } ?? "taken on")") }
            if error == nil, options.policy == .preemptLatest, !cancelledEarly.contains(id) {
                try see()
                for (other, goal) in known where other != id && !goal.isOver && !goal.isRejected {
                    guard goal.announced.last == .canceling else {
                        throw Violation("\(other) is not preempted by \(id)")
                    }
                }
            }
        }
        try check()
        if cancelledEarly.contains(id), let goal = known[id], !goal.isRejected {
            guard goal.starts == 0, goal.announced.last == .canceled else {
                throw Violation("\(id) was cancelled before")
            }
        }
    }

    private func running(except id: String) -> Int { known.count { $0.key != id && $0.value.isRunning } }
    private func waiting(except id: String) -> Int {
        known.count { $0.key != id && $0.value.announced.last == .accepted }
    }

    private mutating func cancel() throws {
        let id = "g\(1 + random.below(lastGoal + 2))"
        let error = core.cancel(GoalID(id), now: now)
        note("\(now): \(id) is to be cancelled: \(error.map { "\($0.code)" } ?? "it will be")")
        let isLive = known[id].map { !$0.isOver && !$0.isRejected } ?? false
        guard isLive == (error == nil) else { throw Violation("\(id): the cancellation is answered \(error as Any)") }
        if known[id].map({ $0.isRejected }) ?? true { cancelledEarly.insert(id) }
        try check()
        if isLive, let status = known[id]?.announced.last, status == .accepted || status == .executing {
            throw Violation("\(id) is cancelled and \(status)")
        }
    }

    private mutating func ask() throws {
        let id = "g\(1 + random.below(lastGoal + 1))"
        let answer = core.ask(GoalID(id), now: now)
        note("\(now): \(id) is asked for: \(answer)")
        let goal = known[id]
        switch answer {
        case .unknown: guard goal == nil || goal?.isRejected == true else { throw Violation("\(id) is forgotten") }
        case .live(let status):
            guard goal?.announced.last == status else { throw Violation("\(id) is said to be \(status)") }
            known[id]?.lastHeard = now
        case .ended(let end):
            guard goal?.announced.last == end.status, end.output as? Int == goal?.output else {
                throw Violation("\(id) is said to have ended as \(end)")
            }
            guard (end.status == .succeeded) == (end.error == nil) else { throw Violation("\(id): \(end)") }
        }
        try check()
    }

    /// A handler ends.
    private mutating func end(_ chosen: String?) throws {
        let running = known.filter { $0.value.isRunning }.keys.sorted()
        guard let id = chosen ?? running.randomElement(using: &random) else { return }
        let outcome = random.below(4)
        let result: ActionServerCore.HandlerResult =
            switch outcome {
            case 0: .threwCancellation
            case 1: .threw(MessagingError(.handlerFailed, "no"))
            default: .returned(lastGoal)
            }
        note("\(now): the handler of \(id) ends: \(result)")
        if known[id]?.isOver == false, case .returned = result { known[id]?.output = lastGoal }
        known[id]?.isRunning = false
        core.handlerEnded(GoalID(id), result, now: now)
        try check()
        guard known[id]?.isOver == true else { throw Violation("\(id) has not ended with its handler") }
    }

    private mutating func close() throws {
        note("\(now): the server ends")
        if random.chance(50) { core.drain(now) } else { core.stop(now) }
        try check()
    }

    private mutating func pass(_ time: Duration) throws {
        let end = now + time
        for _ in 0..<1_000 {
            guard let next = core.nextTime, next <= end else { break }
            now = max(now, next)
            core.tick(now)
            try check()
        }
        now = end
        core.tick(now)
        note("\(now): it is later")
        try check()
        for (id, goal) in known where !goal.isOver && !goal.isRejected {
            let status = goal.announced.last
            let times = [goal.deadline, status == .accepted ? goal.beginBy : nil, lease(goal)].compactMap { $0 }
            if times.contains(where: { $0 <= now }), status != .canceling {
                throw Violation("\(id) is \(status as Any) and its time is over")
            }
        }
    }

    private func lease(_ goal: Known) -> Duration? { options.lostClient.lease.map { goal.lastHeard + $0 } }

    /// Everything comes to an end.
    private mutating func settle() throws {
        core.stop(now)
        try check()
        try pass(.seconds(10))
        for id in known.filter({ $0.value.isRunning }).keys.sorted() { try end(id) }
        for (id, goal) in known where !goal.isRejected && !goal.isOver { throw Violation("\(id) never ends") }
        _ = core.isDone(at: now)
        try pass(.seconds(10))
        guard core.isDone(at: now) else { throw Violation("the server never ends") }
        guard core.live.isEmpty, core.busy.isEmpty, core.waiting.isEmpty else { throw Violation("something is left") }
        try pass(.seconds(200_000))
        guard core.ended.count == 0, core.nextTime.map({ $0 <= now }) ?? true else {
            throw Violation("it forgets nothing")
        }
    }

    // MARK: Checks

    private mutating func check() throws {
        try see()
        guard core.busy.count == known.values.count(where: \.isRunning) else { throw Violation("\(core.busy) run") }
        let stopped = known.values.count { $0.isRunning && $0.isOver }
        guard core.busy.count <= options.policy.slots else { throw Violation("\(core.busy) run at once") }
        if core.phase == .serving, core.busy.count < options.policy.slots, stopped == 0, !core.waiting.isEmpty {
            throw Violation("\(core.waiting) wait, and there is room")
        }
    }

    /// Takes what the core wants done.
    private mutating func see() throws {
        for effect in core.effects {
            switch effect {
            case .announce(let id, let status):
                note("\(now): \(id) is \(status)")
                let before = known[id.text]?.announced.last
                let mayFollow: Bool =
                    switch status {
                    case .accepted: before == nil
                    case .executing: before == .accepted
                    case .canceling: before == .executing
                    case .succeeded: before == .executing
                    case .canceled: before == .accepted || before == .canceling
                    case .aborted: before == .accepted || before == .executing || before == .canceling
                    }
                guard mayFollow, known[id.text] != nil else {
                    throw Violation("\(id) is \(status) after \(before as Any)")
                }
                known[id.text]?.announced.append(status)
            case .start(let id, _, _):
                note("\(now): the handler of \(id) starts")
                guard known[id.text]?.starts == 0, known[id.text]?.announced.last == .executing else {
                    throw Violation("\(id) is started, and was before")
                }
                known[id.text]?.starts = 1
                known[id.text]?.isRunning = true
            case .cancelHandler(let id):
                guard known[id.text]?.isRunning == true, known[id.text]?.cancellations == 0 else {
                    throw Violation("the handler of \(id) is cancelled twice, or does not run")
                }
                known[id.text]?.cancellations = 1
            case .reportUnresponsive(let id):
                guard known[id.text]?.isRunning == true else { throw Violation("\(id) is blamed") }
            }
        }
        core.effects.removeAll()
    }
}
