import ArgumentParser
import Martlet
import MartletBrokers
import MartletConsole
import Testing

@testable import MartletCommand

@Suite("Arguments of martlet", .timeLimit(.minutes(10)))
struct ArgumentTests {
    private static let url = "mqtt://localhost"

    @Test("the first word is the broker if it looks like a URL, and the environment's otherwise")
    func findsURL() throws {
        let written = try Words(
            [Self.url, "topic", "1"],
            required: ["topic"],
            optional: ["payload"],
            fallback: "memory:"
        )
        #expect(written.address == .mqtt(Self.url))
        #expect(written.rest == ["topic", "1"])
        let leftOut = try Words(
            ["topic", "\"a://b\"", nil],
            required: ["topic"],
            optional: ["payload"],
            fallback: Self.url
        )
        #expect(leftOut.address == .mqtt(Self.url))
        #expect(leftOut.rest == ["topic", "\"a://b\""])
        #expect(try Words(["memory:", nil], required: [], worksAlone: true, fallback: nil).address == .memory)
        #expect(throws: ValidationError.self) { try Words(["memory:", nil], required: [], fallback: nil) }
        #expect(
            try Words(["a", nil, nil], required: ["topic"], optional: ["x"], fallback: Self.url).rest == ["a", nil]
        )
    }

    @Test(
        "wrong words are refused",
        arguments: [
            [], ["topic"], ["mqtt://h"], ["mqtt://h", "a", "b", "c"], ["http://h", "a"], ["mqtt:h", "a", "b", "c"],
        ] as [[String]]
    )
    func refusesWords(words: [String]) {
        #expect(throws: ValidationError.self) {
            try Words(words, required: ["topic"], optional: ["payload"], fallback: nil)
        }
    }

    @Test("an empty MARTLET_URL is none")
    func ignoresEmptyFallback() {
        #expect(throws: ValidationError.self) { try Words(["topic"], required: ["topic"], fallback: "") }
    }

    @Test("payloads are text, a file, all of the input or its lines")
    func findsPayloads() {
        #expect(PayloadSource("{}") == .text("{}"))
        #expect(PayloadSource("@a b.json") == .file("a b.json"))
        #expect(PayloadSource("@-") == .input)
        #expect(PayloadSource("-") == .lines)
    }

    @Test("times are positive, with a unit or in seconds")
    func readsTimes() {
        #expect(Duration(argument: "1.5") == .milliseconds(1_500))
        #expect(Duration(argument: "20ms") == .milliseconds(20))
        #expect(Duration(argument: "0") == nil)
        #expect(Duration(argument: "-1s") == nil)
        #expect(Duration(argument: "soon") == nil)
        #expect(Duration.seconds(10).defaultValueDescription == "10s")
        #expect(Duration.milliseconds(500).defaultValueDescription == "0.5s")
    }

    @Test("a header is a name and a value, which may hold anything")
    func readsHeaders() {
        #expect(HeaderArgument(argument: "a=b=c")?.value == "b=c")
        #expect(HeaderArgument(argument: "a=")?.value == "")
        #expect(HeaderArgument(argument: "=b") == nil)
        #expect(HeaderArgument(argument: "a") == nil)
    }

    @Test("each subcommand is known by its name and takes its options")
    func parses() throws {
        let goal = try #require(
            MartletCommand.parseAsRoot(["goal", Self.url, "arm", "{}", "--cancel-after", "3", "-t", "2m"])
                as? GoalCommand
        )
        #expect(goal.cancelAfter == 3)
        #expect(goal.timeout == .seconds(120))
        let receive = try #require(
            MartletCommand.parseAsRoot(["receive", Self.url, "jobs", "--requeue"]) as? ReceiveCommand
        )
        #expect(receive.settlement == .requeue)
        #expect(receive.isEndless)
        let subscribe = try #require(
            MartletCommand.parseAsRoot(["subscribe", Self.url, "#", "-c", "1"]) as? SubscribeCommand
        )
        #expect(!subscribe.isEndless)
        let bench = try #require(
            MartletCommand.parseAsRoot(["bench", "memory:", "--only", "rpc", "--only", "queue", "--json"])
                as? BenchCommand
        )
        #expect(bench.only == [.rpc, .queue])
        #expect(bench.json)
    }

    @Test("secrets of URLs are taken out of what quotes them")
    func removesSecrets() {
        let url = "amqp://me:s3sam3@host/v?keypassword=s3sam3"
        let text = Secrets.removed(from: "Unexpected '\(url)' and '--count=\(url)'", in: ["x", url, "--count=\(url)"])
        #expect(
            text
                == "Unexpected 'amqp://me:***@host/v?keypassword=***' and '--count=amqp://me:***@host/v?keypassword=***'"
        )
        #expect(Secrets.removed(from: "no mqtt://a:b@c d", in: ["mqtt://a:b@c d"]) == "no mqtt://…")
        #expect(Secrets.removed(from: "no kafka://a:b@c", in: ["kafka://a:b@c"]) == "no kafka://…")
    }
}
