import Logging
import Martlet
import MartletTesting
import ServiceLifecycle
import ServiceLifecycleTestKit
import Testing

@Suite(.timeLimit(.minutes(10)))
struct ShutdownTests {
    private let slow = RPC<Int, Int>("slow")

    /// A responder that answers when told.
    private func responder(_ begun: Recorder<Void>, _ release: Recorder<Void>) -> Respond {
        Respond(to: slow) { number in
            begun.signal()
            try await release.wait(for: 1)
            return number
        }
    }

    @Test func workInHandIsFinishedAndNoneIsTaken() async throws {
        let fixture = try await NodeFixture()
        let begun = Recorder<Void>()
        let release = Recorder<Void>()
        let node = fixture.node { responder(begun, release) }
        await testGracefulShutdown { trigger in
            let error = await outcome(of: node) {
                try await node.waitUntilReady()
                async let answer = fixture.peer.call(slow, 7)
                try await begun.wait(for: 1)
                trigger.triggerGracefulShutdown()
                await until { !fixture.openAtBroker.contains("slow") }
                #expect(await code { _ = try await fixture.peer.call(slow, 8) } == .noResponder)
                release.signal()
                #expect(try await answer == 7)
            }
            #expect(error == nil)
        }
        #expect(begun.values.count == 1)
        #expect(fixture.openAtBroker.isEmpty)
        #expect(node.state == .exited)
    }

    @Test func whatTakesLongerThanTheLimitIsCancelled() async throws {
        let fixture = try await NodeFixture()
        let begun = Recorder<Void>()
        let node = fixture.node(options: NodeOptions(heartbeat: nil, drainLimit: .seconds(5))) {
            responder(begun, Recorder())
        }
        await testGracefulShutdown { trigger in
            let error = await outcome(of: node) {
                try await node.waitUntilReady()
                async let answer = code { _ = try await fixture.peer.call(slow, 7) }
                try await begun.wait(for: 1)
                trigger.triggerGracefulShutdown()
                try await fixture.advance(to: .seconds(5))
                #expect(await answer == .shuttingDown)
            }
            #expect(error == nil)
        }
        #expect(node.state == .exited)
        #expect(fixture.logs.lines.contains { $0.hasPrefix("work in hand is cancelled") })
    }

    @Test func aSubscriberHandlesWhatHasArrived() async throws {
        let fixture = try await NodeFixture()
        let handled = Recorder<String>()
        let release = Recorder<Void>()
        let node = fixture.node {
            Subscribe(to: "a") { delivery in
                handled.record(delivery.message.text ?? "")
                try await release.wait(for: 1)
            }
        }
        await testGracefulShutdown { trigger in
            let error = await outcome(of: node) {
                try await node.waitUntilReady()
                for text in ["1", "2", "3"] { try await fixture.peer.publish(Message(text), to: "a") }
                try await handled.wait(for: 1)
                trigger.triggerGracefulShutdown()
                await until { fixture.openAtBroker.isEmpty }
                try await fixture.peer.publish(Message("4"), to: "a")
                release.signal()
            }
            #expect(error == nil)
        }
        #expect(handled.values == ["1", "2", "3"])
    }

    @Test func aConsumerFinishesOneDeliveryAndGivesTheOthersBack() async throws {
        let fixture = try await NodeFixture()
        let handled = Recorder<String>()
        let release = Recorder<Void>()
        let node = fixture.node {
            Consume(from: "jobs") { delivery in
                handled.record(delivery.message.text ?? "")
                try await release.wait(for: 1)
            }
        }
        await testGracefulShutdown { trigger in
            let error = await outcome(of: node) {
                try await node.waitUntilReady()
                for text in ["1", "2", "3"] { try await fixture.peer.send(Message(text), to: "jobs") }
                try await handled.wait(for: 1)
                trigger.triggerGracefulShutdown()
                await until { fixture.openAtBroker.isEmpty }
                release.signal()
            }
            #expect(error == nil)
        }
        #expect(handled.values == ["1"])
        #expect(fixture.broker.presence.queues.map(\.waiting) == [2])
        #expect(fixture.broker.presence.queues.map(\.unsettled) == [0])
    }

    @Test(arguments: [DeliveryErrorPolicy.requeue(deliveries: 1), .reject, .fail])
    func aHandlerThatIsBrokenOffGivesItsDeliveryBack(_ policy: DeliveryErrorPolicy) async throws {
        let fixture = try await NodeFixture()
        let begun = Recorder<Void>()
        let node = fixture.node {
            Consume(from: "jobs", onHandlerError: policy) { _ in
                begun.signal()
                _ = try await cancelWhenGracefulShutdown { try await Recorder<Void>().wait(for: 1) }
            }
        }
        await testGracefulShutdown { trigger in
            let error = await outcome(of: node) {
                try await node.waitUntilReady()
                try await fixture.peer.send(Message("1"), to: "jobs")
                try await begun.wait(for: 1)
                trigger.triggerGracefulShutdown()
            }
            #expect(error == nil)
        }
        #expect(fixture.broker.presence.queues.map(\.waiting) == [1])
        let health = try #require(node.health["Consume jobs"])
        #expect(health.state == .ended)
        #expect(health.handlerErrors == 0)
    }

    /// What it throws otherwise is its own failure, whenever it does.
    @Test func aHandlerThatFailsMeanwhileIsTreatedAsItsPolicySays() async throws {
        let fixture = try await NodeFixture()
        let begun = Recorder<Void>()
        let node = fixture.node {
            Consume(from: "jobs", onHandlerError: .fail) { _ in
                begun.signal()
                try await gracefulShutdown()
                throw Fault()
            }
        }
        await testGracefulShutdown { trigger in
            let error = await outcome(of: node) {
                try await node.waitUntilReady()
                try await fixture.peer.send(Message("1"), to: "jobs")
                try await begun.wait(for: 1)
                trigger.triggerGracefulShutdown()
            }
            #expect(error == nil)
        }
        #expect(fixture.broker.presence.queues.map(\.waiting) == [1])
        #expect(node.health["Consume jobs"]?.state == .failed)
    }

    @Test func aSubscriberWhoseHandlerIsBrokenOffHasNotFailed() async throws {
        let fixture = try await NodeFixture()
        let begun = Recorder<Void>()
        let node = fixture.node {
            Subscribe(to: "a", onHandlerError: .fail) { _ in
                begun.signal()
                _ = try await cancelWhenGracefulShutdown { try await Recorder<Void>().wait(for: 1) }
            }
        }
        await testGracefulShutdown { trigger in
            let error = await outcome(of: node) {
                try await node.waitUntilReady()
                try await fixture.peer.publish(Message("1"), to: "a")
                try await begun.wait(for: 1)
                trigger.triggerGracefulShutdown()
            }
            #expect(error == nil)
        }
        #expect(node.health["Subscribe a"]?.state == .ended)
    }

    @Test func aTimedLoopFinishesItsRun() async throws {
        let fixture = try await NodeFixture()
        let begun = Recorder<Void>()
        let release = Recorder<Void>()
        let loop = Every(.seconds(10)) {
            begun.signal()
            try await release.wait(for: 1)
        }
        await testGracefulShutdown { trigger in
            let error = await outcome(of: fixture.node { loop }) {
                try await begun.wait(for: 1)
                trigger.triggerGracefulShutdown()
                release.signal()
            }
            #expect(error == nil)
        }
        #expect(loop.statistics.runs == 1)
    }

    @Test func aFailureMeanwhileLetsTheOthersFinish() async throws {
        let fixture = try await NodeFixture()
        let begun = Recorder<Void>()
        let release = Recorder<Void>()
        let node = fixture.node {
            responder(begun, release)
            Execute("bad", restart: .never, atShutdown: .finish) {
                try await begun.wait(for: 1)
                try await gracefulShutdown()
                throw Fault()
            }
        }
        await testGracefulShutdown { trigger in
            let error = await outcome(of: node) {
                try await node.waitUntilReady()
                async let answer = fixture.peer.call(slow, 7)
                try await begun.wait(for: 1)
                trigger.triggerGracefulShutdown()
                await until { node.health["bad"]?.state == .failed }
                release.signal()
                #expect(try await answer == 7)
            }
            #expect(error == nil)
        }
    }

    @Test func aServiceGroupRunsAndEndsIt() async throws {
        let fixture = try await NodeFixture()
        let node = fixture.node(options: NodeOptions(remoteControl: true)) { responder(Recorder(), Recorder()) }
        let group = ServiceGroup(services: [node], logger: Logger(label: "test") { _ in fixture.logs })
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            try await node.waitUntilReady()
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        #expect(node.state == .exited)
        #expect(fixture.openAtBroker.isEmpty)
    }

    @Test func aStoppedNodeEndsToo() async throws {
        let fixture = try await NodeFixture()
        let node = fixture.node { responder(Recorder(), Recorder()) }
        await testGracefulShutdown { trigger in
            let error = await outcome(of: node) {
                try await node.waitUntilReady()
                try await node.stop()
                #expect(node.state == .stopped)
                trigger.triggerGracefulShutdown()
            }
            #expect(error == nil)
        }
        #expect(node.state == .exited)
    }
}
