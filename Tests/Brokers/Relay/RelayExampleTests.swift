import Foundation
import IntegrationSupport
import MartletBrokers
import Testing

@testable import playground

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The playground's examples of relays, to a real Carbon. They read the environment, so that they run one after the other.
@Suite(.serialized, .timeLimit(.minutes(10))) struct RelayExampleTests {
    @Test func linesReachCarbon() async throws {
        let slack = SlackServer()
        try await slack.withServer { base in
            try await CarbonServer.withServer { carbon in
                let settings = [
                    "CARBON": "127.0.0.1:\(carbon.port)", "SLACK_API": base, "SLACK_TOKEN": SlackServer.token,
                    "SLACK_CHANNEL": "#metrics",
                ]
                for (name, value) in settings { setenv(name, value, 1) }
                defer { for name in settings.keys { unsetenv(name) } }
                let broker = BrokerAddress.mqtt("mqtt://127.0.0.1:\(try await MosquittoServer.shared().port)")
                for (name, url) in [("relay-topic", broker), ("relay-queue", .memory), ("relay-slack", .memory)] {
                    try await Examples.run(#require(Examples.named(name)), on: url)
                }
                #expect(carbon.received.count == 6)
                #expect(Set(carbon.received).contains("my.speedtest.upload 31.9 1700000000"))
            }
        }
    }
}
