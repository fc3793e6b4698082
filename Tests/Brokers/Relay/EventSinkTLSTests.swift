import Foundation
import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletRelay

/// A server of events under TLS, whose certificate is exchanged while it runs.
@Suite(.timeLimit(.minutes(10))) struct EventSinkTLSTests {
    private func source(_ sink: EventSink, trusting authority: String) throws -> SourceConnection<EventSource> {
        var web = WebOptions()
        web.tls.trust = .file(authority)
        let options = EventSourceOptions(
            web: web,
            headers: ["authorization": "Bearer s3sam3"],
            reconnectionTime: .milliseconds(5)
        )
        return SourceConnection(
            try EventSource("https://localhost:\(sink.port)/events", options: options),
            options: SourceOptions(retry: Backoff(initial: .milliseconds(1), maximum: .milliseconds(5)))
        )
    }

    @Test func aCertificateIsExchanged() async throws {
        let certificates = try await TestCertificates.shared
        let folder = try TemporaryFolder("certificates")
        defer { folder.remove() }
        let (chain, key) = (folder.path("chain.pem"), folder.path("key.pem"))
        func use(_ identity: TestCertificates.Identity) throws {
            for (from, to) in [(identity.certificate, chain), (identity.key, key)] {
                try? FileManager.default.removeItem(atPath: to)
                try FileManager.default.copyItem(atPath: from, toPath: to)
            }
        }
        try use(certificates.server)
        let tls = TLSServerOptions(certificateChain: chain, privateKey: key)
        let sink = try await EventSink.open(EventSinkOptions(host: "localhost", port: 0, tls: tls, token: "s3sam3"))
        let connection = SinkConnection(sink, options: SinkOptions(interval: .milliseconds(1)))
        func publish(_ text: String) async throws {
            try await connection.publish(Message(text), to: "a", options: PublishOptions(guarantee: .atLeastOnce))
        }
        let old = try source(sink, trusting: certificates.authority)
        let oldEvents = try await old.subscribe(to: "#")
        try await publish("1")
        #expect(try await oldEvents.next()?.message.text == "1")

        try use(certificates.strange)
        try connection.reload()
        let new = try source(sink, trusting: certificates.strangeAuthority)
        let newEvents = try await new.subscribe(to: "#")
        let late = try source(sink, trusting: certificates.authority)
        _ = try await late.subscribe(to: "#")
        #expect(late.state == .disconnected)
        try await publish("2")
        // Who was there has stayed.
        #expect(try await oldEvents.next()?.message.text == "2")
        #expect(try await newEvents.next()?.message.text == "2")
        #expect(old.statistics.linkFailures == 0)

        try Data("nonsense".utf8).write(to: URL(fileURLWithPath: chain))
        #expect(throws: MessagingError.self) { try connection.reload() }
        let last = try source(sink, trusting: certificates.strangeAuthority)
        _ = try await last.subscribe(to: "#")
        #expect(last.state == .connected)
        for connection in [old, new, late, last] { await connection.close() }
        await connection.close()
    }

    @Test func aCertificateThatIsMissingIsSaid() async throws {
        let tls = TLSServerOptions(certificateChain: "/no/such/file", privateKey: "/no/such/file")
        #expect(
            await errorCode { _ = try await EventSink.open(EventSinkOptions(port: 0, tls: tls)) } == .invalidArgument
        )
    }
}
