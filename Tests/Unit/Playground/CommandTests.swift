import MartletBrokers
import MartletConsole
import Testing

@testable import playground

@Suite("Command line", .timeLimit(.minutes(10)))
struct CommandTests {
    @Test(
        "knows what is asked for",
        arguments: [
            ([], .fleet(.memory)),
            (["--broker", "memory:"], .fleet(.memory)),
            (["list"], .list),
            (["rpc"], .example("rpc", .memory)),
            (["rpc", "--broker", "memory:"], .example("rpc", .memory)),
            (["--broker=memory://", "rpc"], .example("rpc", .memory)),
            (["--broker", "mqtt://localhost"], .fleet(.mqtt("mqtt://localhost"))),
            (["rpc", "--broker=amqps://host/vhost"], .example("rpc", .amqp("amqps://host/vhost"))),
            (["rpc", "--broker=unix:///run/redis.sock"], .example("rpc", .redis("unix:///run/redis.sock"))),
            (["shop", "--database", "sqlite:/tmp/shop.db"], .example("shop", .memory, .sqlite("/tmp/shop.db"))),
            (["shop", "--database=postgres://db"], .example("shop", .memory, .postgreSQL("postgres://db"))),
            (["shop", "--database", "memory:"], .example("shop", .memory)),
            (["rpc", "--help"], .help),
            (["-h"], .help),
        ] as [([String], Command)]
    )
    func understands(arguments: [String], command: Command) throws {
        #expect(try Command(arguments) == command)
    }

    @Test(
        "says what there is when asked for something else",
        arguments: [
            (["rcp"], "rpc"),
            (["rpc", "events"], "one name"),
            (["--broker"], "memory:"),
            (["--broker", "kafka://localhost"], "there is memory:"),
            (["rpc", "--broker", "memory:other/one"], "there is memory:"),
            (["shop", "--database"], "sqlite:path"),
            (["shop", "--database", "oracle://db"], "there is memory:"),
            (["shop", "--database", "sqlite:"], "there is memory:"),
            (["--fast"], "--help"),
            (["bench"], "there is no example"),
        ]
    )
    func refuses(arguments: [String], hint: String) {
        let error = #expect(throws: UsageError.self) { try Command(arguments) }
        #expect(error?.description.contains(hint) == true)
    }

    @Test("ends with a code that says how it went")
    func exits() async {
        #expect(await Playground.run(["rcp"]) == .usage)
        #expect(await Playground.run(["--broker", "kafka://localhost"]) == .usage)
        let lines = await Lines.printed { #expect(await Playground.run(["--help"]) == .success) }
        #expect(lines.first?.hasPrefix("Usage: Playground/run") == true)
    }
}
