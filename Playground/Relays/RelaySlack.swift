import Foundation
import Martlet
import MartletRelay

/// A channel of Slack as a poor man's bus: what one program posts there another relays to Carbon.
struct RelaySlack: Example {
    let name = "relay-slack"
    let summary = "a relay: lines posted to Slack go to Carbon; needs SLACK_TOKEN, SLACK_CHANNEL"

    func run(on broker: Broker) async throws {
        let environment = ProcessInfo.processInfo.environment
        guard let token = environment["SLACK_TOKEN"], let channel = environment["SLACK_CHANNEL"] else {
            return print("set SLACK_TOKEN to the token of a bot and SLACK_CHANNEL to a channel that it is in")
        }
        var reading = SlackOptions(token: Secret(token), channel: channel)
        reading.base = environment["SLACK_API"] ?? reading.base
        var posting = reading
        // The two stand for two programs: one and the same would not read what it has posted itself.
        posting.mark = "sender"

        let slack = SourceConnection(try SlackSource(reading), name: "slack")
        let carbon = MetricsEnd.open()
        let relay = Bridge(from: slack, to: carbon, name: "relay-slack") { Forward("#") }

        let sender = SinkConnection(try SlackSink(posting), name: "sender")
        try await MetricsEnd.run(relay, until: 1) {
            try await sender.publish(Message("my.speedtest.download 93.4 1700000000"), to: "lines")
        }
        for connection in [sender, slack, carbon] as [any Connection] { await connection.close() }
    }
}
