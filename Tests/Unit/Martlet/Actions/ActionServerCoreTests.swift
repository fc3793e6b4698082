import MartletTesting
import Testing

@testable import Martlet

@Suite(.timeLimit(.minutes(10))) struct ActionServerCoreTests {
    // MARK: Policies

    @Test func rejectsWhileBusy() {
        let core = CoreBox(.rejectIfBusy)
        #expect(core.send("a", 1) == nil)
        #expect(core.said() == ["a accepted", "a executing", "start a 1"])
        #expect(core.send("b", 2)?.code == .goalRejected)
        #expect(core.said().isEmpty)
        core.handlerEnded("a", .returned("done"))
        #expect(core.said() == ["a succeeded"])
        #expect(core.send("b", 2)?.code == .goalRejected, "a request is answered as it was the first time")
        #expect(core.send("c", 3) == nil)
    }

    /// Swift takes texts for equal that look alike; two clients have two goals.
    @Test func goalsWhoseIDsLookAlikeAreTwo() {
        let core = CoreBox(.parallel(limit: 2))
        let (composed, decomposed): (GoalID, GoalID) = ("caf\u{e9}", "cafe\u{301}")
        #expect(composed != decomposed)
        #expect(core.send(composed, 1) == nil)
        #expect(core.send(decomposed, 2) == nil)
        #expect(core.busy == [composed, decomposed])
        core.handlerEnded(decomposed, .returned("second"))
        #expect(core.busy == [composed])
        #expect(core.output(of: decomposed) == "second")
        #expect(core.end(of: composed) == nil)
    }

    @Test func theNewestPreempts() {
        let core = CoreBox(.preemptLatest)
        _ = core.send("a", 1)
        _ = core.said()
        _ = core.send("b", 2)
        #expect(core.said() == ["b accepted", "a canceling", "cancel a"])
        _ = core.send("c", 3)
        #expect(core.said() == ["c accepted", "b canceled"], "only the newest waits")
        core.handlerEnded("a", .threwCancellation)
        #expect(core.said() == ["a canceled", "c executing", "start c 3"])
        #expect(core.end(of: "a")?.error?.code == .cancelled)
    }

    @Test func queuesUpToALimit() {
        let core = CoreBox(.queue(limit: 2))
        for (id, goal) in [("a", 1), ("b", 2), ("c", 3)] { #expect(core.send(GoalID(id), goal) == nil) }
        #expect(core.send("d", 4)?.code == .goalRejected)
        _ = core.said()
        core.handlerEnded("a", .returned(""))
        #expect(core.said() == ["a succeeded", "b executing", "start b 2"])
        #expect(core.cancel("c") == nil)
        #expect(core.said() == ["c canceled"], "it never ran, so it ends at once")
        core.handlerEnded("b", .returned(""))
        #expect(core.said() == ["b succeeded"])
    }

    @Test func runsSideBySideUpToALimit() {
        let core = CoreBox(.parallel(limit: 2))
        #expect(core.send("a", 1) == nil)
        #expect(core.send("b", 2) == nil)
        #expect(core.send("c", 3)?.code == .goalRejected)
        #expect(core.busy == ["a", "b"])
        core.handlerEnded("b", .threw(MessagingError("jammed", "the gripper is stuck")))
        #expect(core.end(of: "b")?.error?.code == "jammed")
        #expect(core.send("d", 4) == nil)
    }

    // MARK: Races

    @Test func aGoalThatIsSentTwiceRunsOnce() {
        let core = CoreBox(.parallel(limit: 9))
        #expect(core.send("a", 1) == nil)
        _ = core.said()
        #expect(core.send("a", 1) == nil)
        core.handlerEnded("a", .returned("done"))
        #expect(core.send("a", 1) == nil)
        #expect(core.said() == ["a succeeded"])
    }

    @Test func aCancellationMayOvertakeItsGoal() {
        let core = CoreBox(.preemptLatest)
        _ = core.send("a", 1)
        _ = core.said()
        #expect(core.cancel("b")?.code == .unknownGoal)
        #expect(core.send("b", 2) == nil)
        #expect(core.said() == ["b accepted", "b canceled"], "and does not preempt either")
        #expect(core.end(of: "b")?.error?.code == .cancelled)
    }

    @Test func earlyCancellationsAreBounded() {
        let core = CoreBox(.parallel(limit: 9)) { $0.keptResults = 2 }
        for id in ["a", "b", "c"] { _ = core.cancel(GoalID(id)) }
        for id in ["a", "b", "c"] { _ = core.send(GoalID(id), 0) }
        #expect(core.busy == ["a"], "the oldest cancellation was forgotten")
    }

    @Test func aLateCancellationChangesNothing() {
        let core = CoreBox(.rejectIfBusy)
        _ = core.send("a", 1)
        core.handlerEnded("a", .returned("done"))
        _ = core.said()
        #expect(core.cancel("a")?.code == .unknownGoal)
        #expect(core.said().isEmpty)
        #expect(core.output(of: "a") == "done")
    }

    @Test func aResultAfterCancellationIsKept() {
        let core = CoreBox(.rejectIfBusy)
        _ = core.send("a", 1)
        #expect(core.cancel("a") == nil)
        #expect(core.cancel("a") == nil, "cancelling twice is cancelling")
        core.handlerEnded("a", .returned("half"))
        #expect(core.said() == ["a accepted", "a executing", "start a 1", "a canceling", "cancel a", "a canceled"])
        #expect(core.output(of: "a") == "half")
    }

    @Test func aHandlerThatIsReportedTwiceCountsOnce() {
        let core = CoreBox(.parallel(limit: 1))
        _ = core.send("a", 1)
        core.handlerEnded("a", .returned("one"))
        core.handlerEnded("a", .returned("two"))
        core.handlerEnded("never", .returned("three"))
        #expect(core.output(of: "a") == "one")
    }

    // MARK: Time

    @Test func anUnresponsiveHandlerKeepsItsPlace() {
        let core = CoreBox(.preemptLatest)
        _ = core.send("a", 1)
        _ = core.cancel("a", now: .seconds(1))
        #expect(core.nextTime == .seconds(6))
        core.tick(.milliseconds(5_999))
        #expect(core.live["a"] != nil)
        _ = core.said()
        core.tick(.seconds(6))
        #expect(core.said() == ["a aborted", "unresponsive a"])
        #expect(core.end(of: "a")?.error?.code == .handlerUnresponsive)
        _ = core.send("b", 2, now: .seconds(7))
        _ = core.send("c", 3, now: .seconds(7))
        #expect(core.said() == ["b accepted", "c accepted", "b canceled"])
        #expect(core.busy == ["a"])
        core.handlerEnded("a", .returned("late"), now: .seconds(8))
        #expect(core.said() == ["c executing", "start c 3"])
        #expect(core.end(of: "a")?.status == .aborted, "a terminal state never changes")
    }

    @Test func aBusyServerCountsTheUnresponsive() {
        let core = CoreBox(.rejectIfBusy)
        _ = core.send("a", 1)
        _ = core.cancel("a")
        core.tick(.seconds(5))
        #expect(core.send("b", 2, now: .seconds(5))?.code == .goalRejected)
        core.handlerEnded("a", .threwCancellation, now: .seconds(6))
        #expect(core.send("c", 2, now: .seconds(6)) == nil)
    }

    @Test func aGoalThatCannotBeginInTimeIsAborted() {
        let core = CoreBox(.queue(limit: 9))
        _ = core.send("a", 1, acceptBy: .seconds(1))
        _ = core.send("b", 2, acceptBy: .seconds(1))
        _ = core.send("c", 3, acceptBy: .seconds(1))
        _ = core.said()
        #expect(core.cancel("c") == nil)
        core.tick(.seconds(1))
        #expect(core.said() == ["c canceled", "b aborted"], "the one that runs is not meant")
        #expect(core.end(of: "b")?.error?.code == .timeout)
    }

    @Test func aPlaceThatIsFreeTooLateIsNotTaken() {
        let core = CoreBox(.queue(limit: 9))
        _ = core.send("a", 1)
        _ = core.send("b", 2, acceptBy: .seconds(1))
        _ = core.said()
        core.handlerEnded("a", .returned(""), now: .seconds(2))
        #expect(core.said() == ["a succeeded", "b aborted"], "though no tick came in between")
    }

    @Test func aDeadlineCancelsAndAborts() {
        let core = CoreBox(.rejectIfBusy)
        _ = core.send("a", 1, deadline: .seconds(3))
        #expect(core.nextTime == .seconds(3))
        _ = core.said()
        core.tick(.seconds(3))
        #expect(core.said() == ["a canceling", "cancel a"])
        core.handlerEnded("a", .returned("late"), now: .seconds(4))
        let end = core.end(of: "a")
        #expect(end?.status == .aborted)
        #expect(end?.error?.code == .timeout)
    }

    @Test func aClientThatIsNotHeardOfLosesItsGoal() {
        let core = CoreBox(.rejectIfBusy) { $0.lostClient = .cancel(after: .seconds(3)) }
        _ = core.send("a", 1)
        core.tick(.seconds(2))
        _ = core.ask("a", now: .seconds(2))
        _ = core.said()
        core.tick(.seconds(4))
        #expect(core.said().isEmpty, "it was heard of")
        core.tick(.seconds(5))
        #expect(core.said() == ["a canceling", "cancel a"])
    }

    /// The server did not run itself, so that nobody could be heard of.
    @Test func aServerThatStoodStillGivesEachClientItsTimeAnew() {
        let core = CoreBox(.parallel(limit: 2)) { $0.lostClient = .cancel(after: .seconds(3)) }
        for id: GoalID in ["a", "b"] { _ = core.send(id, 1) }
        _ = core.said()
        core.excuseClients(.seconds(60))
        core.tick(.seconds(60))
        _ = core.ask("a", now: .seconds(62))
        core.tick(.seconds(62))
        #expect(core.said().isEmpty)
        core.tick(.seconds(63))
        #expect(core.said() == ["b canceling", "cancel b"])
    }

    @Test func aDetachedGoalNeedsNoClient() {
        let core = CoreBox(.rejectIfBusy)
        _ = core.send("a", 1)
        core.tick(.seconds(1_000_000))
        #expect(core.live["a"]?.machine.status == .executing)
    }

    @Test func resultsAreKeptForATimeAndInANumber() {
        let core = CoreBox(.parallel(limit: 9)) {
            $0.keptResults = 2
            $0.resultLifetime = .seconds(10)
        }
        for (second, id) in ["a", "b", "c"].enumerated() {
            _ = core.send(GoalID(id), 0, now: .seconds(second))
            core.handlerEnded(GoalID(id), .returned(id), now: .seconds(second))
        }
        #expect(core.end(of: "a") == nil, "one too many")
        #expect(core.output(of: "b") == "b")
        core.tick(.seconds(11))
        #expect(core.end(of: "b") == nil)
        #expect(core.output(of: "c") == "c")
        core.tick(.seconds(12))
        #expect(core.ended.count == 0)
        #expect(core.nextTime == nil)
    }

    @Test func anEmptyIDMeansTheGoalSentLast() {
        let core = CoreBox(.parallel(limit: 9))
        guard case .unknown = core.ask("") else { Issue.record("there is none"); return }
        _ = core.send("a", 1)
        _ = core.send("b", 2)
        core.handlerEnded("b", .returned("b"))
        #expect(core.output(of: "") == "b")
    }

    // MARK: The end

    @Test func drainingLetsFinishWhatRuns() {
        let core = CoreBox(.queue(limit: 9))
        _ = core.send("a", 1)
        _ = core.send("b", 2)
        _ = core.said()
        core.drain()
        #expect(core.said() == ["b canceled"])
        #expect(core.send("c", 3)?.code == .shuttingDown)
        #expect(!core.isDone(at: .zero))
        core.handlerEnded("a", .returned("done"))
        #expect(core.isDone(at: .zero))
        #expect(core.output(of: "a") == "done")
        #expect(core.end(of: "b")?.error?.code == .shuttingDown)
    }

    @Test func stoppingCancelsEverything() {
        let core = CoreBox(.parallel(limit: 2))
        _ = core.send("a", 1)
        _ = core.said()
        core.stop()
        #expect(core.said() == ["a canceling", "cancel a"])
        core.tick(.seconds(5))
        #expect(!core.isDone(at: .seconds(5)), "its handler has not returned")
        core.handlerEnded("a", .threwCancellation, now: .seconds(6))
        #expect(core.isDone(at: .seconds(6)))
    }

    @Test func whoHasAskedIsWaitedFor() {
        let core = CoreBox(.rejectIfBusy)
        _ = core.send("a", 1)
        _ = core.ask("a")
        core.drain()
        core.handlerEnded("a", .returned("done"))
        #expect(!core.isDone(at: .zero))
        #expect(core.nextTime == .seconds(2))
        _ = core.ask("a", now: .seconds(1))
        #expect(core.isDone(at: .seconds(1)))
    }

    @Test func whoHasAskedIsNotWaitedForLong() {
        let core = CoreBox(.rejectIfBusy)
        _ = core.send("a", 1)
        _ = core.ask("a")
        core.stop()
        core.handlerEnded("a", .threwCancellation)
        #expect(!core.isDone(at: .zero))
        #expect(core.isDone(at: .seconds(2)))
    }

    // MARK: Anything at all

    /// Whatever comes in whatever order: every goal begins once at most and ends once, and no more handlers run than
    /// there are places.
    @Test(arguments: [ActionPolicy.rejectIfBusy, .preemptLatest, .queue(limit: 3), .parallel(limit: 3)], 0..<50)
    func everyGoalEndsOnce(policy: ActionPolicy, seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let core = CoreBox(policy) { $0.lostClient = .cancel(after: .seconds(8)) }
        var now = Duration.zero
        var ends: [GoalID: Int] = [:]
        var starts: [GoalID: Int] = [:]
        var accepted: Set<GoalID> = []
        var running: Set<GoalID> = []
        func follow() {
            for effect in core.takeEffects() {
                switch effect {
                case .start(let id, _, _):
                    starts[id, default: 0] += 1
                    running.insert(id)
                case .announce(let id, let status):
                    #expect(ends[id] == nil, "nothing is said of a goal after its end")
                    if status.isTerminal { ends[id, default: 0] += 1 }
                case .cancelHandler, .reportUnresponsive: break
                }
            }
            #expect(running == core.busy)
            #expect(running.count <= policy.slots)
        }
        for _ in 0..<300 {
            let id = GoalID("\(Int.random(in: 0..<40, using: &random))")
            switch Int.random(in: 0..<8, using: &random) {
            case 0...2:
                let acceptBy = Bool.random(using: &random) ? Duration.seconds(2) : nil
                let deadline = Bool.random(using: &random) ? Duration.seconds(3) : nil
                if core.send(id, 0, acceptBy: acceptBy, deadline: deadline, now: now) == nil { accepted.insert(id) }
            case 3: _ = core.cancel(id, now: now)
            case 4: _ = core.ask(id, now: now)
            case 5:
                now += .milliseconds(Int.random(in: 0..<2_000, using: &random))
                core.tick(now)
            default:
                guard let id = running.sorted(by: { $0.text < $1.text }).randomElement(using: &random) else { break }
                running.remove(id)
                let results: [CoreBox.Core.HandlerResult] = [
                    .returned(""), .threwCancellation, .threw(MessagingError("e", "")),
                ]
                core.handlerEnded(id, results[Int.random(in: 0..<3, using: &random)], now: now)
            }
            follow()
        }
        core.stop(now)
        follow()
        while let id = running.popFirst() {
            core.handlerEnded(id, .threwCancellation, now: now)
            follow()
        }
        #expect(core.isDone(at: now + .seconds(10)) || core.isDone(at: now + .seconds(20)))
        #expect(Set(ends.keys) == accepted)
        #expect(ends.values.allSatisfy { $0 == 1 })
        #expect(starts.values.allSatisfy { $0 == 1 })
    }
}
