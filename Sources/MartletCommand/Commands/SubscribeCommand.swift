import ArgumentParser
import Martlet
import MartletBrokers
import MartletConsole

/// `martlet subscribe`
struct SubscribeCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "subscribe",
        abstract: "Print the messages of topics as they come.",
        usage: "martlet subscribe [<url>] <filter> [<options>]",
        discussion: """
            In a filter, * is one segment and a last # is the rest; to a broker of MQTT one with a slash or a + is taken as \
            MQTT's own. Each message is one JSON object on a line: topic, \
            body, headers, time. A body that is no JSON is a string, or base64, and a member 'encoding' says which.

            EXAMPLES:
              martlet subscribe mqtt://localhost 'sensors.#'
              martlet subscribe mqtt://localhost 'house.*.front' --count 10 | jq .body
              martlet subscribe mqtt://localhost '$share/workers/zigbee2mqtt/+/state'
            """
    )

    @Argument(help: "The broker, such as mqtt://localhost; $MARTLET_URL if left out.")
    var url: String?
    @Argument(help: "Which topics, such as 'sensors.#'.")
    var filter: String?

    @Option(name: .shortAndLong, help: ArgumentHelp("End after so many messages.", valueName: "n"))
    var count: Int?
    @Option(
        help: ArgumentHelp("End after so long. With --count that is too early: exit code 124.", valueName: "time")
    )
    var timeout: Duration?
    @Option(name: .shortAndLong, help: "How surely messages arrive: 0, 1 or 2, as far as they are published so.")
    var qos: Quality = .atMostOnce
    @Flag(help: "Leave out what the broker has kept from before.")
    var fresh = false
    @Flag(help: "Print bodies alone, as they are, each with a line end.")
    var raw = false
    @OptionGroup var connection: ConnectionArguments

    var isEndless: Bool { count == nil }

    private func words() throws -> Words { try Words([url, filter], required: ["filter"]) }

    func validate() throws {
        _ = try words()
        if let count, count < 1 { throw ValidationError("--count is \(count); it must be at least 1.") }
    }

    func perform(in session: Session) async throws {
        let words = try words()
        let pattern = words.address.pattern(words[0])
        let options = SubscribeOptions(guarantee: qos.guarantee, retained: !fresh)
        try await session.withConnection(to: words.address, connection) { broker in
            do {
                let subscription = try await broker.subscribe(to: pattern, options: options)
                session.remark("listening to \(pattern) on \(words.address); Ctrl-C ends")
                let limit = DeliveryLimit(count: count, timeout: timeout, isRequired: true)
                do {
                    try await limit.forEach(of: subscription) { try write($0, to: session.output) }
                } catch is CancellationError where session.interruption.exit != nil && count == nil {
                    try await finish(subscription, to: session.output)
                    throw CancellationError()
                }
            } catch let error as MessagingError {
                throw Failure(error, about: pattern.text)
            }
        }
    }

    private func write(_ delivery: Delivery, to output: OutputWriter) throws {
        if raw {
            try output.write(delivery.message.body + [UInt8(ascii: "\n")])
        } else {
            try output.write(delivery)
        }
    }

    /// Writes what has come before the end was asked for: a broker that keeps the subscription does not send it again.
    private func finish(_ subscription: Subscription, to output: OutputWriter) async throws {
        subscription.finish()
        try await shielded {
            for try await delivery in subscription { try write(delivery, to: output) }
        }
    }
}
