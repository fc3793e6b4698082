import Foundation
import IntegrationSupport
import Martlet
import MartletMQTT
import MartletTesting
import Testing

/// Calls to a service of another library, which answers on the topic that it is told and says nothing else about what
/// it answers.
@Suite(.timeLimit(.minutes(10))) struct RawServiceTests {
    private struct Request: Codable {
        struct Header: Codable {
            var replyTo: String

            private enum CodingKeys: String, CodingKey { case replyTo = "reply_to" }
        }
        struct Body: Codable { var n: Int }
        var header: Header
        var data: Body
    }

    struct Numbers: Codable, Sendable, Equatable { var n: Int }

    private func answer(_ request: Request) -> [UInt8] {
        Array(#"{"header":{"timestamp":1,"properties":{}},"data":{"n":\#(request.data.n * 2)}}"#.utf8)
    }

    private func next(_ service: RawPeer) async throws -> Request {
        try JSONDecoder().decode(Request.self, from: Data(try await service.nextMessage().payload))
    }

    @Test(arguments: MQTTVersion.allCases) func parallelCallsGetTheirOwnAnswers(_ version: MQTTVersion) async throws {
        var settings = MosquittoOptions()
        settings.sendsAtOnce = false
        settings.extraLines = ["log_type all"]
        try await MosquittoServer.withServer(settings) { server in
            let service = try await RawPeer.connect(to: server.port, as: "service")
            try await service.subscribe(to: "svc/double")
            let rpc = RPC<Numbers, Numbers>("svc.double")
            try await MQTTConnection.withConnection(.local(server.port, version)) { connection in
                for round in 0..<5 {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for n in 0..<20 {
                            group.addTask {
                                let answer = try await connection.call(
                                    rpc,
                                    Numbers(n: 100 * round + n),
                                    timeout: .seconds(60)
                                )
                                #expect(answer.n == 2 * (100 * round + n))
                            }
                        }
                        var requests: [Request] = []
                        for _ in 0..<20 { requests.append(try await next(service)) }
                        #expect(Set(requests.map(\.header.replyTo)).count == 20)
                        for request in requests.shuffled() {
                            try await service.publish(answer(request), to: request.header.replyTo)
                        }
                        try await group.waitForAll()
                    }
                }
                #expect(connection.statistics.lateReplies == 0)
                #expect(connection.statistics.callsInFlight == 0)
                let subscriptions = server.log.split(separator: "\n").count {
                    $0.contains("rpc-") && $0.contains("(QoS")
                }
                #expect(subscriptions <= 1, "one subscription serves all calls")
            }
        }
    }

    @Test(arguments: MQTTVersion.allCases) func aLateReplyIsCountedAndHarmsNobody(_ version: MQTTVersion) async throws {
        let server = try await MosquittoServer.shared()
        let name = "late-\(version.rawValue.first ?? "x")"
        let service = try await RawPeer.connect(to: server.port, as: name)
        try await service.subscribe(to: name)
        let rpc = RPC<Numbers, Numbers>(QueueName(name))
        let clock = TestClock()
        let options = MQTTOptions.local(server.port, version) { $0.connection.clock = clock }
        try await MQTTConnection.withConnection(options) { connection in
            async let code = errorCode { _ = try await connection.call(rpc, Numbers(n: 1), timeout: .seconds(30)) }
            let late = try await next(service)
            clock.advance(by: .seconds(30))
            #expect(await code == .timeout)
            let cancelled = Task { try await connection.call(rpc, Numbers(n: 2), timeout: .seconds(60)) }
            let gone = try await next(service)
            cancelled.cancel()
            await #expect(throws: CancellationError.self) { try await cancelled.value }

            async let call = connection.call(rpc, Numbers(n: 3), timeout: .seconds(60))
            let request = try await next(service)
            for request in [late, gone] { try await service.publish(answer(request), to: request.header.replyTo) }
            try await service.publish(answer(request), to: request.header.replyTo)
            try await service.publish(answer(request), to: request.header.replyTo)
            #expect(try await call == Numbers(n: 6))
            try await until { connection.statistics.lateReplies == 3 }
            #expect(connection.statistics.callsInFlight == 0)
        }
    }

    /// Whoever does not know the address of a call can only make it up.
    @Test func repliesThatNobodyAskedForAreNothing() async throws {
        let server = try await MosquittoServer.shared()
        let service = try await RawPeer.connect(to: server.port, as: "liar")
        try await service.subscribe(to: "liars/service")
        let rpc = RPC<Numbers, Numbers>("liars.service")
        try await MQTTConnection.withConnection(.local(server.port)) { connection in
            async let call = connection.call(rpc, Numbers(n: 4), timeout: .seconds(60))
            let request = try await next(service)
            let base = request.header.replyTo.prefix { $0 != "/" }
            for nonsense in ["", "{", "null", "[]", #"{"header":{},"data":7}"#, "\u{0}", #"{"data":{"n":0}}"#] {
                try await service.publish(Array(nonsense.utf8), to: "\(base)/nobody")
            }
            try await service.publish(answer(request), to: request.header.replyTo)
            #expect(try await call == Numbers(n: 8))
        }
    }

    /// A service that answers with nonsense gives its caller an error.
    @Test func anAnswerThatIsNoneIsAnError() async throws {
        let server = try await MosquittoServer.shared()
        let service = try await RawPeer.connect(to: server.port, as: "nonsense")
        try await service.subscribe(to: "nonsense/service")
        let rpc = RPC<Numbers, Numbers>("nonsense.service")
        try await MQTTConnection.withConnection(.local(server.port)) { connection in
            for nonsense in ["", "{", "[]", #"{"header":{},"data":"x"}"#] {
                let call = Task { try await connection.call(rpc, Numbers(n: 4), timeout: .seconds(60)) }
                let request = try await next(service)
                try await service.publish(Array(nonsense.utf8), to: request.header.replyTo)
                let code = await errorCode { _ = try await call.value }
                #expect(code == .decodingFailed, "\(nonsense)")
            }
            #expect(connection.state == .connected)
        }
    }
}
