import Martlet
import Testing

/// A route that was written outside the package is a route like any other.
@Suite(.timeLimit(.minutes(10))) struct RouteTests {
    @Test func passesOn() async throws {
        let (edge, cloud) = try await (MemoryBroker().connect(name: "edge"), MemoryBroker().connect(name: "cloud"))
        let bridge = Bridge(from: edge, to: cloud, name: "berlin") {
            SplitLines(pattern: "logs.#")
            Forward("sensors.#")
        }
        #expect(try bridge.plan().map(\.name) == ["lines of logs.#", "sensors.# → {topic}"])
        let lines = try await cloud.subscribe(to: "logs.*")
        try await bridge.whileRunning {
            try await edge.publish(Message("a\nb\n"), to: "logs.door")
            var texts: [String?] = []
            while texts.count < 2, let line = try await lines.next() {
                texts.append(line.message.text)
                #expect(line.topic == "logs.door")
                #expect(line.message.headers["martlet-bridge-path"] != nil || !line.message.headers.isEmpty)
            }
            #expect(texts == ["a", "b"])
        }
        let statistics = try #require(bridge.reports.first?.statistics)
        #expect((statistics.received, statistics.forwarded, statistics.dropped) == (1, 1, 0))
        await edge.close()
        await cloud.close()
    }

    @Test func isCutWhereItIsPartOfACircle() async throws {
        let (edge, cloud) = try await (MemoryBroker().connect(), MemoryBroker().connect())
        let bridge = Bridge(from: edge, to: cloud) {
            SplitLines(pattern: "logs.#")
            Forward("#", direction: .back)
        }
        #expect(throws: MessagingError.self) { try bridge.plan() }
        await edge.close()
        await cloud.close()
    }

    @Test func doesNotPassOnWhatHasBeenHere() async throws {
        let (edge, cloud) = try await (MemoryBroker().connect(), MemoryBroker().connect())
        let lines = try await cloud.subscribe(to: "logs.*")
        let bridges = ["one", "one"].map { name in
            Bridge(from: edge, to: cloud, name: name) { SplitLines(pattern: "logs.#") }
        }
        try await bridges[0].whileRunning { try await edge.publish(Message("a"), to: "logs.door") }
        let passed = try #require(try await lines.next()).message
        try await bridges[1].whileRunning { try await edge.publish(passed, to: "logs.door") }
        #expect(bridges[1].reports.first?.statistics.looped == 1)
        #expect(lines.nextIfReady() == nil)
        await edge.close()
        await cloud.close()
    }
}
