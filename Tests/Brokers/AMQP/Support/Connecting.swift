import IntegrationSupport
import Martlet
import MartletAMQP
import Testing

/// Runs `body` with a connection to a broker on this machine.
func withAMQP<Result>(
    port: Int,
    _ configure: (inout AMQPOptions) -> Void = { _ in },
    _ body: (AMQPConnection) async throws -> Result
) async throws -> Result {
    var options = AMQPOptions(servers: [.init(host: "127.0.0.1", port: port)])
    options.reconnect = Backoff(initial: .milliseconds(20), maximum: .milliseconds(200))
    configure(&options)
    return try await AMQPConnection.withConnection(options, body)
}

/// A name that no other test has.
func unique(_ name: String) -> String {
    "\(name)-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
}

/// The broker's reply code of what a call throws; `nil` if it throws nothing, or something else.
func replyCode(_ body: () async throws -> Void) async -> Int? {
    do {
        try await body()
        return nil
    } catch {
        return (error as? MessagingError)?.amqpReplyCode
    }
}
