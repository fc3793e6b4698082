import BridgeSupport
import Foundation
import IntegrationSupport
import Martlet
import Testing

extension OwnProcessTests {
    /// Nothing is lost on routes that promise at least once, whoever is killed and whichever link is cut.
    ///
    /// Five routes between four brokers at once. The process of the bridges is killed ten times, each broker is restarted, and
    /// each link cut. Behind each route is a second one to a broker in this process, which is neither killed nor cut off from
    /// its sink: it leaves out duplicates, so that none arrive.
    @Suite(.serialized, .timeLimit(.minutes(10))) struct ChaosTests {
        private static let kills = 10

        @Test func nothingIsLostWhateverHappens() async throws {
            var (redis, mosquitto) = (IntegrationSupport.RedisOptions(), MosquittoOptions())
            redis.isPersistent = true
            mosquitto.savesAtEnd = true
            mosquitto.maximumInFlight = 1_000
            try await RabbitMQServer.withServer { source in
                try await RabbitMQServer.withServer { sink in
                    try await RedisServer.withServer(redis) { redis in
                        try await MosquittoServer.withServer(mosquitto) { mosquitto in
                            let stage = ChaosStage(source: source, sink: sink, redis: redis, mosquitto: mosquitto)
                            try await stage.withProxies { try await run(stage, $0) }
                        }
                    }
                }
            }
        }

        private func run(_ stage: ChaosStage, _ proxies: [ChaosRoute.Place: TCPProxy]) async throws {
            let ports = proxies.mapValues(\.port)
            let board = ChaosBoard()
            try await withThrowingTaskGroup(of: Bool.self) { group in
                // Who hears what MQTT publishes is there first.
                for route in ChaosRoute.allCases { try await receive(route, stage.ports, board, in: &group) }
                let kept = try await bridge(.mqttToAMQP, ports, "kept")
                group.addTask {
                    defer { board.addRetried(kept.reports[0].statistics.retried, on: .mqttToAMQP) }
                    try await kept.run()
                    return false
                }
                try await kept.waitUntilReady(within: .seconds(60))
                for route in ChaosRoute.allCases {
                    group.addTask {
                        let feeder = try await ChaosRoute.connect(to: route.places.from, stage.ports, "feed-\(route)")
                        try await route.feed(by: feeder)
                        await feeder.close()
                        return false
                    }
                }
                group.addTask {
                    let total = ChaosRoute.killed.reduce(0) { $0 + $1.count }
                    for _ in 0..<Self.kills { try await killed(ports, after: total * 8 / (10 * Self.kills), board) }
                    try await withThrowingDiscardingTaskGroup { group in
                        for route in ChaosRoute.killed {
                            let bridge = try await bridge(route, ports, "last-\(route)")
                            group.addTask {
                                defer { board.addRetried(bridge.reports[0].statistics.retried, on: route) }
                                try await bridge.run()
                            }
                        }
                    }
                    return false
                }
                group.addTask {
                    try await makeTrouble(stage, proxies, board)
                    return false
                }
                defer { group.cancelAll() }
                var isDone = 0
                while isDone < ChaosRoute.allCases.count, let isReceiver = try await group.next() {
                    if isReceiver { isDone += 1 }
                }
            }
            check(board)
        }

        private func bridge(_ route: ChaosRoute, _ ports: [ChaosRoute.Place: Int], _ name: String) async throws
            -> Bridge
        {
            Bridge(
                from: try await ChaosRoute.connect(to: route.places.from, ports, "\(name)-from"),
                to: try await ChaosRoute.connect(to: route.places.to, ports, "\(name)-to")
            ) { route.route }
        }

        /// Takes what a route has passed on, until all of it is there.
        private func receive(
            _ route: ChaosRoute,
            _ ports: [ChaosRoute.Place: Int],
            _ board: ChaosBoard,
            in group: inout ThrowingTaskGroup<Bool, any Error>
        ) async throws {
            let end = MemoryBroker()
            let (to, consumer) = (try await end.connect(), try await end.connect())
            let jobs = try await consumer.consume(from: route.end, options: ConsumeOptions(prefetch: 1_000))
            let from = try await ChaosRoute.connect(to: route.places.to, ports, "end-\(route)")
            let bridge = Bridge(from: from, to: to) { route.last }
            group.addTask {
                try await bridge.whileRunning(readyWithin: .seconds(60)) {
                    var arrived = Numbered()
                    while arrived.count < route.count, let job = try await jobs.next() {
                        arrived.add(job.message.text, isAgain: job.message.headers[ChaosRoute.again] != nil)
                        try job.ack()
                        board.update(route, arrived, bridge.reports[0].statistics)
                    }
                }
                return true
            }
            try await bridge.waitUntilReady(within: .seconds(60))
        }

        /// What a process that is killed has to know.
        private struct Life: Codable, Sendable {
            var ports: [String: Int]
            var limit: Int
            /// Where it writes how many messages each route has tried again.
            var report: String
        }

        /// Runs the bridges in a process of its own that is killed when so many messages have been passed on.
        private func killed(_ ports: [ChaosRoute.Place: Int], after limit: Int, _ board: ChaosBoard) async throws {
            let folder = try TemporaryFolder("chaos")
            defer { folder.remove() }
            let ports = Dictionary(uniqueKeysWithValues: ports.map { ($0.key.rawValue, $0.value) })
            let life = Life(ports: ports, limit: limit, report: folder.path("report"))
            await #expect(processExitsWith: .signal(SIGKILL)) { [life = life as Life] in
                let ports = Dictionary(
                    uniqueKeysWithValues: life.ports.map { (ChaosRoute.Place(rawValue: $0.key) ?? .source, $0.value) }
                )
                var bridges: [Bridge] = []
                for route in ChaosRoute.killed {
                    let from = try await ChaosRoute.connect(to: route.places.from, ports, "killed-\(route)-from")
                    let to = try await ChaosRoute.connect(to: route.places.to, ports, "killed-\(route)-to")
                    bridges.append(Bridge(from: from, to: to) { route.route })
                }
                try await withThrowingTaskGroup(of: Void.self) { [bridges] group in
                    for bridge in bridges { group.addTask { try await bridge.run() } }
                    try await until {
                        bridges.reduce(0) { $0 + ($1.reports.first?.statistics.forwarded ?? 0) } >= life.limit
                    }
                    let retried = zip(ChaosRoute.killed, bridges).map { route, bridge in
                        (route.rawValue, bridge.reports.first?.statistics.retried ?? 0)
                    }
                    let text = try JSONEncoder().encode(Dictionary(uniqueKeysWithValues: retried))
                    try text.write(to: URL(fileURLWithPath: life.report))
                    kill(getpid(), SIGKILL)
                }
            }
            // What it prints would be waited for by another thread of those that all tasks share.
            let report = (try? Data(contentsOf: URL(fileURLWithPath: life.report))) ?? Data()
            let retried = (try? JSONDecoder().decode([String: Int].self, from: report)) ?? [:]
            #expect(retried.count == ChaosRoute.killed.count)
            for (name, count) in retried {
                if let route = ChaosRoute(rawValue: name) { board.addRetried(count, on: route) }
            }
        }

        private func makeTrouble(
            _ stage: ChaosStage,
            _ proxies: [ChaosRoute.Place: TCPProxy],
            _ board: ChaosBoard
        ) async throws {
            let total = ChaosRoute.allCases.reduce(0) { $0 + $1.count }
            let trouble = stage.trouble(proxies)
            for (number, happen) in trouble.enumerated() {
                try await until { board.arrived >= (number + 1) * total / (trouble.count + 1) }
                try await happen()
            }
            board.isTroubleOver = true
        }

        private func check(_ board: ChaosBoard) {
            #expect(board.isTroubleOver)
            for route in ChaosRoute.allCases {
                guard let (arrived, statistics) = board[route] else {
                    Issue.record("nothing of \(route)")
                    continue
                }
                let retried = board.retried(on: route)
                print("\(route): \(arrived), \(retried) tried again; left out as duplicates: \(statistics.duplicates)")
                #expect(arrived.count == route.count)
                #expect(arrived.duplicates == 0)
                // What a route tries again comes when it comes.
                #expect(arrived.outOfOrder <= retried)
            }
        }
    }
}
