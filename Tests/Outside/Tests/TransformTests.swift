import LineTransport
import Martlet
import Testing

/// A transport that was written outside the package honours what the connection's options say of the wire.
@Suite(.timeLimit(.minutes(10))) struct TransformTests {
    /// Turns every bit around.
    struct Inverted: BodyTransform {
        func outgoing(_ bytes: [UInt8]) throws -> [UInt8] { bytes.map { ~$0 } }
        func incoming(_ bytes: [UInt8]) throws -> [UInt8] { bytes.map { ~$0 } }
    }

    /// Reads nothing.
    struct Broken: BodyTransform {
        func outgoing(_ bytes: [UInt8]) throws -> [UInt8] { bytes }
        func incoming(_ bytes: [UInt8]) throws -> [UInt8] { throw MessagingError(.decodingFailed, "it is broken") }
    }

    private func withServer(_ body: (LineServer) async throws -> Void) async throws {
        let server = LineServer()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await server.run() }
            defer { group.cancelAll() }
            try await body(server)
        }
    }

    @Test func transformsChangeWhatIsSentAndWhatComes() async throws {
        try await withServer { server in
            let options = ConnectionOptions(transforms: [Inverted()])
            let (plain, inverted) = (
                try await LineConnection.connect(to: server),
                try await LineConnection.connect(to: server, options: options)
            )
            let (bare, same) = (try await plain.subscribe(to: "t"), try await inverted.subscribe(to: "t"))
            try await inverted.publish(Message("text", headers: ["a": "b"]), to: "t")
            let received = try #require(try await same.next()?.message)
            #expect(received.text == "text")
            #expect(received.headers["a"]?.string == "b")
            let onWire = try await bare.next()?.message.body
            #expect(onWire == Array("text".utf8).map { ~$0 })
            await plain.close()
            await inverted.close()
        }
    }

    @Test func whatATransformCanNotReadIsCountedAndSkipped() async throws {
        try await withServer { server in
            let writer = try await LineConnection.connect(to: server)
            let options = ConnectionOptions(transforms: [Broken()])
            let reader = try await LineConnection.connect(to: server, options: options)
            let subscription = try await reader.subscribe(to: "t")
            try await writer.publish(Message("unreadable"), to: "t")
            // No transform sees an empty body.
            try await writer.publish(Message(), to: "t")
            let received = try await subscription.next()?.message
            #expect(received?.body == [])
            #expect(reader.statistics.undecodable == 1)
            await writer.close()
            await reader.close()
        }
    }
}
