import IntegrationSupport
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@Suite("martlet demo, goal, nodes", .timeLimit(.minutes(10)))
struct GoalTests {
    /// Starts the demo's node, where there is no other: of two that perform one action each knows the half of its goals.
    private func withDemo(
        _ broker: TestBroker,
        _ body: (_ url: String, _ demo: ProgramRun) async throws -> Void
    ) async throws {
        try await broker.withServer { url in
            let demo = try await Tool.start("demo", url, until: "is there")
            try await body(url, demo)
            demo.send(signal: SIGINT)
            let end = try await demo.waitForEnd()
            #expect(end == .exited(0))
        }
    }

    @Test("the demo answers, counts and tells the time; goals end in every way", arguments: TestBroker.allCases)
    func followsGoals(broker: TestBroker) async throws {
        try await withDemo(broker) { url, _ in
            let sum = try await Tool.run("call", url, "demo.add", #"{"a": 20, "b": 22}"#)
            #expect(sum.output == "{\"c\":42}\n")

            let done = try await Tool.run("goal", url, "demo.count", #"{"target": 3, "period": 20}"#)
            #expect(done.exit == .exited(0))
            let objects = try done.objects
            #expect(objects.dropLast().map { ($0["feedback"] as? [String: Int])?["current"] } == [1, 2, 3])
            #expect(objects.last?["status"] as? String == "succeeded")
            #expect(objects.last?["result"] as? [String: Int] == ["count": 3])

            let long = #"{"target": 100000, "period": 20}"#
            let cancelled = try await Tool.run("goal", url, "demo.count", long, "--cancel-after", "2")
            #expect(cancelled.exit == .exited(0))
            #expect(try cancelled.objects.last?["status"] as? String == "canceled")
            #expect(try cancelled.objects.count >= 3)

            let preempted = try Tool.start(["goal", url, "demo.count", long])
            try await preempted.waitForOutput("feedback")
            preempted.send(signal: SIGINT)
            let end = try await preempted.waitForEnd()
            #expect(end == .exited(130))
            #expect(try Tool.object(#require(preempted.lines.last))["status"] as? String == "canceled")

            let aborted = try await Tool.run("goal", url, "demo.count", #"{"target": -1}"#)
            #expect(aborted.exit == .exited(1))
            #expect(aborted.output.contains(#""status":"aborted","error":{"code":"invalid-argument""#))

            let late = try await Tool.run("goal", url, "demo.count", long, "--deadline", "300ms")
            #expect(late.exit == .exited(1))
            #expect(late.output.contains(#""status":"aborted","error":{"code":"timeout""#))

            let nobody = try await Tool.run("goal", url, unique("nobody"), "--timeout", "2s")
            #expect(nobody.exit == .exited(1))
            #expect(nobody.errors.hasPrefix("martlet: no-responder: "))

            let clock = try await Tool.run("subscribe", url, "demo.clock", "--count", "1")
            #expect(try (clock.objects.first?["body"] as? [String: Any])?["time"] is String)

            let nodes = try Tool.start(["nodes", url, "--timeout", "6s"])
            try await nodes.waitForEnd()
            #expect(try nodes.lines.map(Tool.object).first?["node"] as? String == "demo")
            #expect(try nodes.lines.map(Tool.object).first?["state"] as? String == "up")
        }
    }

    /// As on a machine that sleeps for a while. The question that is under way then is answered when the one who asked has
    /// long had no more patience.
    @Test("a time in which nothing runs is no silence of the server's", arguments: TestBroker.allCases)
    func outlivesStandstill(broker: TestBroker) async throws {
        try await withDemo(broker) { url, demo in
            let goal = try Tool.start(
                ["goal", url, "demo.count", #"{"target": 40, "period": 50}"#, "--timeout", "2s"]
            )
            try await goal.waitForOutput("feedback")
            demo.send(signal: SIGSTOP)
            try await Task.sleep(for: .milliseconds(1_200))
            goal.send(signal: SIGSTOP)
            try await Task.sleep(for: .seconds(4))
            goal.send(signal: SIGCONT)
            demo.send(signal: SIGCONT)
            let end = try await goal.waitForEnd()
            #expect(end == .exited(0), "\(goal.errors)")
            #expect(try Tool.object(#require(goal.lines.last))["status"] as? String == "succeeded")
        }
    }

    @Test("on memory: the demo tries itself")
    func toursItself() async throws {
        let tour = try await Tool.run("demo", "memory:")
        #expect(tour.exit == .exited(0))
        let notes = try tour.objects.map { $0["note"] as? String ?? "" }
        #expect(notes.contains("demo.add answers 42"))
        #expect(notes.contains("demo.count has reached 3"))
        #expect(notes.contains("demo.count was preempted: canceled"))
        #expect(notes.last?.hasPrefix("demo.clock says") == true)
    }
}
