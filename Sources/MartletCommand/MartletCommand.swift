import ArgumentParser
import Martlet
import MartletConsole

/// The root of all subcommands.
struct MartletCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "martlet",
        abstract:
            "Speaks to message brokers: publish, subscribe, call, run goals, work on queues, bridge, relay, measure.",
        discussion: """
            TO BEGIN:
              martlet demo memory:                    a tour, without a broker
              martlet subscribe mqtt://localhost '#'  what is published there
              martlet call --help                     how to call, with examples

            The broker is named by its URL, the first argument of every command, or by the environment variable \
            MARTLET_URL where the URL is left out:

              MQTT       mqtt://host   mqtts://user:password@host?cafile=ca.pem
              RabbitMQ   amqp://host   amqps://user:password@host/vhost
              Redis      redis://host  rediss://:password@host/2  unix:///socket
              built in   memory:       for demo and bench

            Arguments of a process can be seen by everybody on its machine; a password is better kept in MARTLET_URL.

            JSON is given on the command line, as @FILE, as @- for all of standard input, or as - for one message a line \
            of it. On a terminal the output is for people; elsewhere each line is a JSON object.

            \(CommandExit.explanation)
            """,
        version: "martlet \(MartletVersion.current)",
        // One a line, and one file each.
        subcommands: [
            PublishCommand.self,
            SubscribeCommand.self,
            CallCommand.self,
            ServeCommand.self,
            GoalCommand.self,
            EmitCommand.self,
            SendCommand.self,
            ReceiveCommand.self,
            BridgeCommand.self,
            RelayCommand.self,
            BrokerCommand.self,
            NodesCommand.self,
            DemoCommand.self,
            BenchCommand.self,
        ]
    )
}
