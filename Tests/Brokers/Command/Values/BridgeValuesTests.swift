import ArgumentParser
import Martlet
import MartletBrokers
import MartletConsole
import Testing

@testable import MartletCommand

@Suite("What martlet bridge is made of", .timeLimit(.minutes(10)))
struct BridgeValuesTests {
    // MARK: Mapping

    @Test(
        "prefixes are stripped and added",
        arguments: [
            ("a.#", nil, nil, "{topic}"), ("a.#", nil, "x.y", "x.y.{topic}"), ("a.b.#", "a", nil, "b.{rest}"),
            ("a.b.#", "a.b", "x", "x.{rest}"), ("a.*.b.*.#", "a", nil, "{1}.b.{2}.{rest}"), ("a.b", "b", nil, nil),
            ("a.b", "a.b", nil, nil), ("*.b", "a", nil, nil), ("a.b", "a.b.c", nil, nil), ("ab.c", "a", nil, nil),
        ] as [(String, String?, String?, String?)]
    )
    func maps(pattern: String, strip: String?, prefix: String?, template: String?) {
        #expect(
            TopicMapping.template(for: TopicPattern(pattern), strip: strip.map { TopicName($0) }, prefix: prefix)
                == template
        )
    }

    // MARK: Filter

    private func passes(_ tests: [MessageFilter.Test], _ field: String, _ body: String) -> Bool {
        let path = field.split(separator: ".").map(String.init)
        let filter = MessageFilter(conditions: [.init(subject: .field(path), tests: tests)])
        return filter.passes(Message(body), from: "a")
    }

    @Test("a filter looks into JSON")
    func looksIntoBodies() {
        let body = #"{"a": {"b": [1, 2.5, {"c": "text"}]}, "on": true, "none": null, "large": 18446744073709551615}"#
        #expect(passes([.above(2), .below(3)], "a.b.1", body))
        #expect(!passes([.above(2), .below(2.4)], "a.b.1", body))
        #expect(passes([.equals(.text("text"))], "a.b.2.c", body))
        #expect(!passes([.equals(.text("text"))], "a.b.2.d", body))
        #expect(!passes([.exists(true)], "a.b.3", body) && !passes([.exists(true)], "a.b.-1", body))
        #expect(passes([.equals(.boolean(true))], "on", body) && !passes([.differs(.boolean(true))], "on", body))
        #expect(passes([.exists(true)], "none", body) && passes([.differs(.number(0))], "none", body))
        #expect(passes([.above(1e19)], "large", body))
        #expect(passes([.exists(false)], "on.more", body))
        for body in ["", "no JSON", "[1", String(repeating: "[", count: 100_000)] {
            #expect(!passes([.exists(true)], "a", body))
            #expect(passes([.differs(.text("a"))], "a", body))
        }
    }

    @Test("a filter looks at headers and topics")
    func looksAtHeaders() {
        var message = Message("1")
        message.headers["kind"] = "alarm"
        message.headers["level"] = .integer(5)
        func passes(_ name: String, _ test: MessageFilter.Test) -> Bool {
            MessageFilter(conditions: [.init(subject: .header(name), tests: [test])]).passes(message, from: "a")
        }
        #expect(passes("kind", .equals(.text("alarm"))) && !passes("kind", .above(1)))
        #expect(passes("level", .above(4)) && passes("level", .equals(.number(5))))
        #expect(!passes("other", .exists(true)) && passes("other", .differs(.text("a"))))
        let filter = MessageFilter(exceptions: ["a.b.#", "*.c"])
        #expect(filter.passes(message, from: "a.d"))
        #expect(!filter.passes(message, from: "a.b.x") && !filter.passes(message, from: "a.c"))
    }

    // MARK: Arguments

    private func settings(_ arguments: String..., environment: String? = nil) throws -> BridgeSettings {
        let urls = arguments.prefix { !$0.hasPrefix("-") }
        let options = try BridgeArguments.parse(Array(arguments[urls.count...]))
        return try options.settings(Array(urls), name: "n", fallback: environment)
    }

    @Test("the options say routes")
    func readsArguments() throws {
        let all = try settings(
            "mqtt://a",
            "amqp://b",
            "--topic",
            "s.#",
            "--prefix",
            "x",
            "--queue",
            "q=r",
            "--rpc",
            "f",
            "--action",
            "g=h"
        )
        #expect(all.from.address == .broker(.mqtt("mqtt://a")) && all.to.address == .broker(.amqp("amqp://b")))
        #expect(
            all.routes.map(\.kind) == [
                .topics("s.#", as: "x.{topic}", .forth), .queues("q", "r", .forth),
                .calls("f", "f", isBackwards: false),
                .action("g", "h", isBackwards: false),
            ]
        )
        let back = try settings("mqtt://a", "amqp://b", "--topic", "s.*=t.{1}", "--rpc", "f", "--direction", "back")
        #expect(back.routes.map(\.kind) == [.topics("s.*", as: "t.{1}", .back), .calls("f", "f", isBackwards: true)])
        let environment = try settings("amqp://b", "--queue", "q", environment: "redis://a")
        #expect(environment.from.address == .broker(.redis("redis://a")))
    }

    @Test("wrong options are refused")
    func refusesArguments() {
        for arguments in [
            ["amqp://b", "--topic", "a"], ["mqtt://a", "amqp://b"], ["mqtt://a", "gopher://b", "--topic", "a"],
            ["mqtt://a", "amqp://b", "--rpc", "f", "--direction", "both"],
            ["mqtt://a", "amqp://b", "--queue", "f", "--direction", "both"],
            ["mqtt://a", "amqp://b", "--topic", "a=b", "--prefix", "c"],
            ["mqtt://a", "amqp://b", "--topic", "a.#", "--strip", "b"],
        ] {
            #expect(throws: ValidationError.self, "\(arguments)") {
                let urls = arguments.prefix { !$0.hasPrefix("-") }
                let options = try BridgeArguments.parse(Array(arguments[urls.count...]))
                _ = try options.settings(Array(urls), name: nil, fallback: nil)
            }
        }
        #expect(Renaming(argument: "=a") == nil && Renaming(argument: "a=") == nil && Renaming(argument: "") == nil)
    }

    // MARK: Table

    private static let rows: [BridgeTable.Row] = {
        var busy = RouteStatistics()
        (busy.received, busy.forwarded, busy.lost, busy.dead) = (12_345_678, 12_345_000, 3, 4)
        (busy.retried, busy.stored, busy.inFlight, busy.lag) = (5, 6, 7, .milliseconds(1_500))
        return [
            BridgeTable.Row(name: "sensors.# → site.berlin.{topic}", statistics: busy),
            BridgeTable.Row(name: "call ops.start → ops.start", statistics: RouteStatistics()),
        ]
    }()

    @Test(
        "the table fits, and what matters most stays when it is narrow",
        arguments: [1, 5, 20, 33, 40, 60, 80, 100, 200]
    )
    func fits(columns: Int) {
        let lines = BridgeTable.lines(
            "bridging a ⇄ b",
            Self.rows,
            size: .init(columns: columns, rows: 24),
            style: .init(isUsed: false)
        )
        #expect(lines.count == 4)
        #expect(lines.allSatisfy { $0.columns < max(2, columns) })
        #expect(lines[1].contains(" in") == (columns >= 40))
        #expect(lines[1].contains("waiting") == (columns >= 100))
        if columns >= 100 {
            #expect(
                lines[2].split(separator: " ").suffix(7).joined(separator: " ") == "12.3M 12.3M 3 4 1.5s 5 7"
            )
            #expect(lines[3].split(separator: " ").suffix(7).joined(separator: " ") == "0 0 0 0 – 0 0")
        }
    }

    @Test("the table is cut where the terminal is low")
    func isCut() {
        let rows = (0..<30).map { BridgeTable.Row(name: "route \($0)", statistics: RouteStatistics()) }
        let lines = BridgeTable.lines("t", rows, size: .init(columns: 80, rows: 10), style: .init(isUsed: false))
        #expect(lines.count <= 9)
        #expect(lines.last == "… 25 more")
    }
}
