import IntegrationSupport
import Martlet
import Testing

@testable import MartletMQTT

/// That the library tells of the broker's UNSUBACK, over a link to a real one.
@Suite(.timeLimit(.minutes(10))) struct UnsubscribeTests {
    @Test(arguments: MQTTVersion.allCases, [MQTTSessionState.clean, .persistent(expiry: .seconds(60))])
    func theBrokersAnswerIsHeard(_ version: MQTTVersion, _ state: MQTTSessionState) async throws {
        let server = try await MosquittoServer.shared()
        let name = "unsubscribing-\(version.rawValue.first ?? "x")-\(state == .clean)"
        let options = MQTTOptions.local(server.port, version, name: name) { $0.session = state }
        try await MQTTConnection.withConnection(options) { connection in
            var filters: [Subscription] = []
            for number in 0..<20 {
                filters.append(try await connection.subscribe(to: TopicPattern("\(name).\(number)")))
            }
            #expect(await connection.session.filterCount == 20)
            #expect(await !connection.session.awaitsSubscriptions)
            for filter in filters { filter.unsubscribe() }
            try await until { await connection.session.filterCount == 0 }
            try await until { await !connection.session.awaitsSubscriptions }
            #expect(connection.statistics.linkFailures == 0)
        }
    }
}
