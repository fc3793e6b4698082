import Foundation
import IntegrationSupport
import Martlet
import MartletMQTT
import Testing

@Suite("A service that is announced to Home Assistant", .serialized, .timeLimit(.minutes(3)))
struct AnnouncementTests {
    /// mosquitto keeps retained messages in memory alone unless told, and so loses them with its process.
    @Test func `is announced again, with its states, to a broker that has lost all`() async throws {
        let folder = try TemporaryFolder("announced")
        let server = try MosquittoServer()
        try await server.start()
        let file = try folder.write("broker: {host: 127.0.0.1, port: \(server.port)}\n", to: "settings.yml")
        let house = try ProgramUnderTest.start(
            ["--start", "house", "--config", file],
            environment: ["STATE_DIRECTORY": folder.path]
        )
        var documents: [String] = []
        for run in 1...2 {
            let link = try await MQTTConnection.connect(to: "mqtt://127.0.0.1:\(server.port)")
            let deliveries = try await link.subscribe(to: TopicPattern("#"))
            var missing: Set = ["homeassistant/device/house_Green-house/config", "service/house/online"]
            if run == 2 { missing.insert("service/house/pump") }
            while !missing.isEmpty, let delivery = try await deliveries.next() {
                let text = delivery.message.text ?? ""
                switch delivery.topic.mqtt {
                case "service/house/pump": #expect(text == "on")
                case "service/house/online" where text == "0": continue
                case let topic where topic.hasPrefix("homeassistant/device"): documents.append(text)
                default: break
                }
                missing.remove(delivery.topic.mqtt)
            }
            if run == 1 {
                try await link.publish(Message("on"), to: TopicName(mqtt: "service/house/pump/set"))
                while let delivery = try await deliveries.next(), delivery.topic.mqtt != "service/house/pump" {}
                await link.close()
                try await server.restart()
            } else {
                await link.close()
            }
        }
        #expect(documents.count == 2 && documents.first == documents.last)
        house.send(signal: SIGTERM)
        #expect(try await house.waitForEnd() == .exited(0))
        server.kill()
    }
}
