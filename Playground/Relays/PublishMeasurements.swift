import Foundation
import Martlet

/// A sender without a relay: it takes measurements and publishes them, for whatever relays listen.
struct PublishMeasurements: Example {
    let name = "publish-measurements"
    let summary = "takes a measurement every moment and publishes it, as relays take it"

    func run(on broker: Broker) async throws {
        let sender = try await broker.connect(name: "sender")
        let listener = try await broker.connect(name: "listener")
        let lines = try await listener.subscribe(to: "mulay")

        for round in 1...3 {
            let time = ContinuousClock().measure { _ = (0..<round * 100_000).reduce(0, &+) }
            let microseconds = Int(time / .microseconds(1))
            let line = "my.sum.microseconds \(microseconds) \(Int(Date().timeIntervalSince1970))"
            try await sender.publish(Message(line), to: "mulay", options: PublishOptions(guarantee: .atLeastOnce))
            let fields = try await lines.next()?.message.text?.split(separator: " ") ?? []
            print("a listener has \(fields.first ?? "nothing") with \(fields.count - 1) numbers")
        }
    }
}
