import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletMQTT

extension OwnProcessTests {
    /// What is in memory is bounded, and given back.
    struct MemoryTests {
        /// A reader that is behind stops its connection, and what others publish waits at the broker, not here.
        @Test func aSlowReaderKeepsMemoryFlat() async {
            await #expect(processExitsWith: .success) {
                for version in MQTTVersion.allCases {
                    try await floodSlowReader(version)
                }
            }
        }

        /// A message as large as the protocol nearly allows.
        @Test func aMessageOf200MiBArrivesAndItsMemoryIsGivenBack() async {
            await #expect(processExitsWith: .success) {
                try await MosquittoServer.withServer { server in
                    let before = ProcessFigures.residentBytes
                    try await passHugeMessage(of: 200 << 20, through: server)
                    try await until { ProcessFigures.residentBytes - before < 100 << 20 }
                }
            }
        }
    }
}

private let promise = PublishOptions(guarantee: .atLeastOnce)

private func floodSlowReader(_ version: MQTTVersion) async throws {
    var settings = MosquittoOptions()
    settings.maximumInFlight = 0
    try await MosquittoServer.withServer(settings) { server in
        try await MQTTConnection.withConnection(.local(server.port, version)) { subscriber in
            let subscription = try await subscriber.subscribe(
                to: "slow",
                options: SubscribeOptions(limit: 4, guarantee: .atLeastOnce)
            )
            try await MQTTConnection.withConnection(.local(server.port, version)) { publisher in
                let body = [UInt8](repeating: 1, count: 100_000)
                let before = ProcessFigures.residentBytes
                for _ in 0..<1_500 { try await publisher.publish(Message(body), to: "slow", options: promise) }
                // 150 MB are with the broker.
                #expect(ProcessFigures.residentBytes - before < 80 << 20)
                #expect(subscription.waiting < 800)
                for _ in 0..<1_500 { _ = try await subscription.next() }
                #expect(ProcessFigures.residentBytes - before < 80 << 20)
            }
        }
    }
}

private func passHugeMessage(of count: Int, through server: MosquittoServer) async throws {
    let options = MQTTOptions.local(server.port) { $0.connection.maximumBodyBytes = count }
    try await MQTTConnection.withConnection(options) { connection in
        let subscription = try await connection.subscribe(
            to: "huge",
            options: SubscribeOptions(guarantee: .atLeastOnce)
        )
        let code = await errorCode {
            let body = [UInt8](repeating: 0, count: count + 1)
            try await connection.publish(Message(body), to: "huge", options: promise)
        }
        #expect(code == .bodyTooLarge)
        var body = [UInt8](repeating: 0xa5, count: count)
        body[count - 1] = 7
        try await connection.publish(Message(body), to: "huge", options: promise)
        let arrived = try await subscription.next()?.message.body
        #expect(arrived == body)
    }
}
