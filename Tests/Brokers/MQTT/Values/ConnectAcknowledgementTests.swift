import Martlet
import Testing

@testable import MartletMQTT

@Suite struct ConnectAcknowledgementTests {
    @Test(arguments: MQTTVersion.allCases) func zeroIsNoRefusal(_ version: MQTTVersion) {
        let fresh = ConnectAcknowledgement(reason: 0, flags: 0, nil, version)
        #expect(fresh.refusal == nil)
        #expect(!fresh.sessionPresent)
        #expect(ConnectAcknowledgement(reason: 0, flags: 1, nil, version).sessionPresent)
    }

    @Test(arguments: [
        (MQTTVersion.v311, 1, "MQTT 3.1.1", false), (.v311, 2, "client identifier", false),
        (.v311, 3, "not available", true), (.v311, 4, "user name or password", false),
        (.v311, 5, "not authorised", false), (.v5, 0x81, "malformed", false), (.v5, 0x84, "MQTT 5", false),
        (.v5, 0x85, "client identifier", false), (.v5, 0x86, "user name or password", false),
        (.v5, 0x87, "not authorised", false), (.v5, 0x88, "not available", true), (.v5, 0x89, "busy", true),
        (.v5, 0x8A, "banned", false), (.v5, 0x95, "too large", false), (.v5, 0x97, "quota", true),
        (.v5, 0x9A, "retained", false), (.v5, 0x9B, "quality of service", false), (.v5, 0x9F, "too fast", true),
    ])
    func eachRefusalSaysWhy(_ version: MQTTVersion, _ reason: Int, _ words: String, _ isRetriable: Bool) throws {
        let acknowledgement = ConnectAcknowledgement(reason: CInt(reason), flags: 0, nil, version)
        let refusal = try #require(acknowledgement.refusal)
        #expect(refusal.code == .refused)
        #expect(refusal.message.contains(words), "\(refusal.message)")
        #expect(refusal.message.hasSuffix("reason \(reason)"))
        #expect(refusal.isRetriable == isRetriable)
    }

    @Test(arguments: MQTTVersion.allCases) func noReasonTraps(_ version: MQTTVersion) {
        for reason in 1...255 {
            let refusal = ConnectAcknowledgement(reason: CInt(reason), flags: 255, nil, version).refusal
            #expect(refusal?.code == .refused)
        }
    }
}
