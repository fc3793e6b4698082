import ArgumentParser
import Martlet
import MartletBrokers
import MartletConsole

/// `martlet publish`
struct PublishCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "publish",
        abstract: "Publish messages to a topic: every subscriber gets them.",
        usage: "martlet publish [<url>] <topic> [<payload>] [<options>]",
        discussion: """
            A topic's segments have dots between; to a broker of MQTT a topic with slashes is taken as MQTT's own.

            Where the broker confirms a message, which MQTT and RabbitMQ do, it is waited for unless --qos is 0. What the \
            broker refuses is an error; MQTT 3.1.1 has no word for that, and MQTT 5 none for messages of --qos 0.

            EXAMPLES:
              martlet publish mqtt://localhost house.door '{"open": true}' --retain
              tail -f readings.jsonl | martlet publish mqtt://localhost house.readings
              martlet publish mqtt://localhost 'zigbee2mqtt/Living Room Lamp/set' '{"state": "ON"}'
            """
    )

    @Argument(help: "The broker, such as mqtt://localhost; $MARTLET_URL if left out.")
    var url: String?
    @Argument(help: "Where to, such as sensors.sonar.front.")
    var topic: String?
    @Argument(help: "JSON, @FILE, @- (all of standard input) or - (each line of it, as if left out).")
    var payload: String?

    @OptionGroup var sending: SendingArguments
    @Option(
        name: .shortAndLong,
        help:
            "How surely it arrives: 0 at most once, 1 at least once, 2 exactly once; 1 if left out and the broker can."
    )
    var qos: Quality?
    @Flag(help: "Have the broker keep the message for those who subscribe later.")
    var retain = false
    @OptionGroup var connection: ConnectionArguments

    private func words() throws -> Words {
        try Words([url, topic, payload], required: ["topic"], optional: ["payload"])
    }

    func validate() throws { _ = try words() }

    func perform(in session: Session) async throws {
        let words = try words()
        let topic = words.address.topic(words[0])
        try await session.withConnection(to: words.address, connection) { broker in
            let options = PublishOptions(guarantee: qos?.guarantee ?? .best(of: broker), retain: retain)
            try await sending.send(words.rest[1], to: topic.text, in: session) { message in
                try await broker.beginPublishing(message, to: topic, options: options)
            }
        }
    }
}
