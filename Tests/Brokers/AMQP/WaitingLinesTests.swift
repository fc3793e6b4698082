import Martlet
import Testing

@testable import MartletAMQP

/// Publishes that wait for room in their channels.
@Suite struct WaitingLinesTests {
    private func outgoing(_ name: String, _ origin: Outgoing.Origin) -> Outgoing {
        Outgoing(
            publish: AMQPPublish(exchange: "", routingKey: name, isMandatory: false, properties: .init(), body: []),
            origin: origin,
            isKept: true,
            confirmation: Promise()
        )
    }

    @Test func eachLineHasItsTurnAndItsOrder() {
        var lines = WaitingLines()
        for number in 0..<3 {
            lines.append(outgoing("v\(number)", .verbs))
            lines.append(outgoing("n\(number)", .native(1)))
        }
        lines.prepend([outgoing("again 0", .verbs), outgoing("again 1", .verbs)])
        var order: [String] = []
        while let next = lines.takeNext(where: { _ in true }) { order.append(next.publish.routingKey) }
        #expect(order == ["again 0", "n0", "again 1", "n1", "v0", "n2", "v1", "v2"])
        #expect(lines.isEmpty)
    }

    @Test func aLineThatMayNotGoOnHoldsUpNoOther() {
        var lines = WaitingLines()
        for origin in [Outgoing.Origin.verbs, .native(1), .native(2)] { lines.append(outgoing("x", origin)) }
        for _ in 0..<2 { #expect(lines.takeNext { $0 != .verbs } != nil) }
        #expect(lines.takeNext { $0 != .verbs } == nil)
        #expect(lines.count == 1)
        #expect(!lines.isEmpty(.verbs))
        #expect(lines.isEmpty(.native(1)))
        #expect(lines.takeNext { _ in true }?.origin == .verbs)
    }

    @Test func whatWasGivenUpIsSweptOut() {
        var lines = WaitingLines()
        for number in 0..<100_000 {
            let given = outgoing("given up", number % 2 == 0 ? .verbs : .native(1))
            lines.append(given)
            given.confirmation?.end(.failure(CancellationError()))
            if number % 1_000 == 0 { lines.append(outgoing("\(number)", .verbs)) }
        }
        #expect(lines.count < 3_000)
        let given = lines.removeAll { $0.isAbandoned }
        #expect(given.count + lines.count < 3_000)
        #expect(lines.count == 100)
        #expect(lines.isEmpty(.native(1)))
    }
}
