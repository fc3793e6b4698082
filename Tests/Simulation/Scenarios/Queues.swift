#if os(Linux)
import Martlet
import MartletSimulation
import MartletTesting

extension Scenario {
    /// Producers send jobs, workers do them, are killed in the middle and start again.
    ///
    /// Every job of which its sender was told that the broker has it is done; a job is forgotten only when it was.
    static let queues = Scenario("queues", nodes: 3, rounds: 6) { world in
        // In some worlds the senders have to wait for room.
        let room = world.seed.isMultiple(of: 2) ? 2 : 10_000
        let broker = world.broker(options: MemoryBroker.Options(queueDefaults: QueueOptions(limit: room)))
        let ledger = Ledger()
        let jobs = Queue<Int>("jobs")
        var workers: [SimulatedProcess] = []
        for number in 0..<world.nodes {
            let worker = try await world.start("worker\(number)") { process in
                let link = try await process.connect(to: broker, faults: world.weather)
                return Node("worker\(number)", on: Planted.wrap(link, world.plant, world)) {
                    Consume(from: jobs) { job in
                        try await world.sleep(for: .milliseconds(20 + job.value % 5 * 10))
                        ledger.enter(job.value, under: "done")
                        world.log("job \(job.value) is done")
                    }
                }
            }
            workers.append(worker)
        }
        try await withThrowingTaskGroup { group in
            for number in 0..<world.nodes {
                let producer = try await world.connect(to: broker, as: "producer\(number)", faults: world.weather)
                group.addTask {
                    for round in 0..<world.rounds {
                        let job = number * 1_000 + round
                        try await producer.send(job, to: jobs)
                        ledger.enter(job, under: "sent")
                    }
                }
            }
            group.addTask { [workers] in
                var random = world.random(for: "kills")
                for _ in 0..<world.rounds {
                    try await world.sleep(for: .milliseconds(Int.random(in: 1...200, using: &random)))
                    guard let worker = workers.randomElement(using: &random) else { break }
                    try await worker.restart(after: .milliseconds(Int.random(in: 0...300, using: &random)))
                }
            }
            try await group.waitForAll()
        }
        try await world.expect("every job that was sent is done", within: .seconds(60)) {
            ledger.numbers(under: "sent").allSatisfy { ledger.count(of: $0, under: "done") > 0 }
        }
        try await world.expect("the queue is empty", within: .seconds(60)) {
            broker.presence.queues.allSatisfy { $0.waiting + $0.unsettled == 0 }
        }
    }
}
#endif
