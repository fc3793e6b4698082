import Foundation
import IntegrationSupport
import Testing

/// One test after the other: each server takes a processor for some seconds.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct RabbitMQServerTests {
    @Test func itIsCommandedKilledPausedAndStartedAgain() async throws {
        let (process, folder) = try await RabbitMQServer.withServer { server in
            try await server.control("add_user", "alice", "secret")
            try await server.restart()
            let users = try await server.control("list_users", "--no-table-headers")
            #expect(users.contains("alice"))
            #expect(users.contains("guest"))

            let process = try #require(server.processID)
            server.pause()
            #expect(try SystemProcess.state(process) == "T")
            let client = try Socket.connecting(to: .loopback(port: server.port))
            async let answer = client.amqpStart()
            server.resume()
            let frame = try await answer
            #expect(frame == 1)

            let end = try await server.terminate()
            #expect(end == .exited(0))
            try await server.start()
            return (try #require(server.processID), server.folder)
        }
        #expect(try SystemProcess.state(process) == nil)
        #expect(!folder.exists)
    }

    @Test func itListensWhereItIsTold() async throws {
        var options = RabbitMQOptions()
        options.listensOnIPv6 = true
        options.tls = .mutual
        try await RabbitMQServer.withServer(options) { server in
            let client = try Socket.connecting(to: .loopback6(port: server.port))
            let frame = try await client.amqpStart()
            #expect(frame == 1)
            let certificates = try await TestCertificates.shared
            let openssl = try Program.find("openssl", package: "openssl")
            let port = try #require(server.tlsPort)
            let connect = ["s_client", "-connect", "127.0.0.1:\(port)", "-CAfile", certificates.authority]
            let identity = ["-cert", certificates.client.certificate, "-key", certificates.client.key]
            let shown = try await Program.run(openssl, connect + ["-verify_return_error"] + identity)
            #expect(shown.contains("Verify return code: 0 (ok)"))
        }
    }

    @Test func aFailureToStartShowsTheLog() async throws {
        var options = RabbitMQOptions()
        options.extraLines = ["no_such_setting = true"]
        let error = await failure { try await RabbitMQServer.withServer(options) { _ in } }
        #expect(error?.contains("rabbitmq-server exited with code") == true)
        #expect(error?.contains("no_such_setting") == true)
    }

    @Test func threeMakeAClusterThatOutlivesANode() async throws {
        try await RabbitMQCluster.withCluster { cluster in
            let names = cluster.nodes.map(\.node)
            #expect(Set(names).count == 3)
            for node in cluster.nodes {
                let running = try await ClusterStatus(of: node).running
                #expect(running == Set(names))
            }
            cluster.nodes[0].kill()
            try await until { try await ClusterStatus(of: cluster.nodes[1]).running == Set(names.dropFirst()) }
            try await cluster.nodes[0].start()
        }
    }

    private struct ClusterStatus: Decodable {
        enum CodingKeys: String, CodingKey {
            case running = "running_nodes"
        }

        var running: Set<String>

        init(of server: RabbitMQServer) async throws {
            let status = try await server.control("cluster_status", "--formatter", "json")
            self = try JSONDecoder().decode(ClusterStatus.self, from: Data(status.utf8))
        }
    }
}

extension Socket {
    /// Sends the protocol's header and returns the kind of the frame that comes back.
    fileprivate func amqpStart() async throws -> UInt8 {
        try await sendAll(Array("AMQP".utf8) + [0, 0, 9, 1])
        return try await receive(1)[0]
    }
}
