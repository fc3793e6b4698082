import MartletMQTTWire
import Testing

@testable import Martlet

/// A machine that slept, or has much to do, is late with what is due: what a client is told is right all the same.
@Suite struct LateTimerTests {
    private static var will: WillMessage {
        var properties = PropertyList()
        properties.add(.willDelayInterval, 5)
        return WillMessage(topic: "gone", payload: [1], properties: properties)
    }

    @Test func aSessionThatIsOverIsNotGoneOnWith() throws {
        let bench = Bench()
        let peer = try bench.client("a", expiry: 10)
        peer.subscribe(.init("t"))
        peer.leave()
        bench.clock.set(.seconds(11))
        let connack = try bench.client("a", cleanStart: false, expiry: 10).take().connack
        #expect(connack?.sessionPresent == false)
    }

    @Test func aWillThatIsDueIsPublishedThoughItsClientIsBack() throws {
        let bench = Bench()
        let listener = try bench.client("l")
        listener.subscribe(.init("gone"))
        try bench.client("a", expiry: 100, will: Self.will).leave()
        bench.clock.set(.seconds(6))
        _ = try bench.client("a", cleanStart: false, expiry: 100)
        #expect(listener.messages().count == 1)
    }
}
