import Foundation
import IntegrationSupport
import Testing

@Suite("martlet bench", .timeLimit(.minutes(10)))
struct BenchTests {
    @Test("measures everything, once by itself and once with many in flight", arguments: TestBroker.allCases)
    func measures(broker: TestBroker) async throws {
        let bench = try await Tool.run("bench", broker.url, "--messages", "100", "--in-flight", "10")
        #expect(bench.exit == .exited(0))
        let objects = try bench.objects
        #expect(objects.map { $0["bench"] as? String } == ["pubsub", "pubsub", "queue", "queue", "rpc", "rpc"])
        #expect(objects.map { $0["inFlight"] as? Int } == [1, 10, 1, 10, 1, 10])
        for object in objects {
            #expect((object["perSecond"] as? Double ?? 0) > 0)
            let latencies = try #require(object["microseconds"] as? [String: Double])
            let values = ["p50", "p90", "p99", "p99.9", "max"].map { latencies[$0] ?? -1 }
            #expect(values[0] > 0)
            #expect(values == values.sorted())
        }
        if broker == .amqp {
            let queues = try await RabbitMQServer.shared().control("list_queues", "name")
            #expect(!queues.contains("martlet.bench"))
        }
    }

    @Test("measures only what is wanted, on the embedded broker as well")
    func measuresPart() async throws {
        let bench = try await Tool.run("bench", "memory:", "--only", "rpc", "--messages", "100", "--json")
        #expect(bench.exit == .exited(0))
        #expect(try bench.objects.map { $0["bench"] as? String } == ["rpc", "rpc"])
    }
}
