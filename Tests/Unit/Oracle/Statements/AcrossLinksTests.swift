import MartletMQTTWire
import Synchronization
import Testing

@testable import Martlet
@testable import MartletServer

/// What a session is owed and could not be sent by one connection.
@Suite struct AcrossLinksTests {
    /// What is kept flows as the client takes it. What did not get there before the connection went comes by the next one.
    @Test func whatIsKeptGoesOnByTheNextConnection() throws {
        let bench = Bench()
        let peer = try bench.client("a")
        for id in UInt16(1)...4 { peer.publish("t/\(id)", "\(id)", .atLeastOnce, id: id, retain: true) }
        let first = try bench.client("r", expiry: 60, terms: [(.receiveMaximum, 1)])
        first.subscribe(.init("t/+", qos: .atLeastOnce))
        let begun = first.messages()
        #expect(begun.count == 1)
        first.leave()
        let next = try bench.client("r", cleanStart: false, expiry: 60)
        #expect(Set(next.messages().map(\.topic)) == ["t/1", "t/2", "t/3", "t/4"])
    }

    /// A session's own will may come to it while it is thrown away. Its bytes are not counted for ever.
    @Test func theBytesOfASessionAreGoneWithIt() throws {
        let bench = Bench()
        for _ in 0..<10 {
            let peer = try bench.client("a", will: WillMessage(topic: "t", payload: [1], qos: .atLeastOnce))
            peer.subscribe(.init("t", qos: .atLeastOnce))
            peer.leave()
        }
        #expect(bench.hub.state.withLock { $0.queuedBytes } == 0)
        #expect(bench.hub.statistics.sessions == 0)
    }
}
