import MartletBrokers
import Testing

@testable import MartletConsole
@testable import playground

@Suite("Examples", .timeLimit(.minutes(10)))
struct ExampleTests {
    @Test("run to their end and print what they promise", arguments: Examples.all.map(\.name))
    func runs(name: String) async throws {
        let example = try #require(Examples.named(name))
        let lines = try await Lines.printed { try await Examples.run(example, on: .memory) }
        #expect(lines == Self.expected[name])
    }

    @Test("are listed, each on a line")
    func lists() async {
        let lines = await Lines.printed { Examples.printList() }
        #expect(lines.count == Examples.all.count)
        #expect(zip(lines, Examples.all).allSatisfy { $0.hasPrefix($1.name) && $0.hasSuffix($1.summary) })
        #expect(lines.allSatisfy { $0.columns <= 110 })
    }

    private static let expected: [String: [String]] = [
        "relay-topic": ["my.speedtest.download 93.4 1700000000", "my.a 1 1700000001", "my.b 2 1700000001"],
        "relay-queue": ["my.speedtest.download 93.4 1700000000", "my.speedtest.upload 31.9 1700000000"],
        "relay-slack": ["set SLACK_TOKEN to the token of a bot and SLACK_CHANNEL to a channel that it is in"],
        "publish-measurements": Array(repeating: "a listener has my.sum.microseconds with 2 numbers", count: 3),
        "publish-subscribe": [
            "sensors.sonar.front: 2.5 m at 30.0°",
            "sensors.sonar.front: 2.0 m at 30.0°",
            "sensors.sonar.front: 1.5 m at 30.0°",
            "sensors.sonar.front: 1.0 m at 30.0°",
            "sensors.sonar.front: 0.5 m at 30.0°",
            "1.0 m was published",
            "1.0 m was left out: it is what was published last",
            "0.5 m was published",
        ],
        "patterns": [
            "house.*.bedroom has house.upstairs.bedroom at 18.5 °C",
            "house.*.bedroom has house.downstairs.bedroom at 19.0 °C",
            "house.upstairs.# has house.upstairs.bedroom at 18.5 °C",
            "house.upstairs.# has house.upstairs.bath.shower at 24.0 °C",
            "a latecomer knows: downstairs bedroom, upstairs bath shower, upstairs bedroom",
        ],
        "queues": [
            "boat: done",
            "blur: failed, delivery 1 of 3",
            "blur: failed, delivery 2 of 3",
            "blur: failed, delivery 3 of 3",
            "bird: no use, given up at once",
            "dead letter: blur, delivered-too-often",
            "dead letter: bird, rejected",
        ],
        "rpc": [
            "20 + 22 = 42",
            "100 / 10 = 10, 100 / 2 = 50",
            "calculator.divide: division-by-zero",
            "calculator.ponder: timeout",
            "calculator.missing: no-responder",
        ],
        "streaming-rpc": [
            "the first ten: 2 3 5 7 11 13 17 19 23 29",
            "enough at 41",
            "the server stopped within the window",
        ],
        "action": [
            "the first goal reached 3 cm",
            "the second goal was canceled on its way, far from its end",
            "the third goal reached 1 cm",
            "the fourth goal was canceled",
        ],
        "events": [
            "DoorOpened: the hall's door is open",
            "DoorClosed: the hall's door is closed",
            "event 0 of house: DoorOpened at events.door.front",
            "event 1 of house: BellRang at events.bell",
            "event 2 of house: DoorClosed at events.door.front",
        ],
        "timed-loops": [
            "tick 1",
            "tick 2",
            "tick 3",
            "tick 4",
            "tick 5",
            "the steady loop ran 5 times",
            "a run of the late one took longer than its interval",
        ],
        "node-lifecycle": [
            "the camera's heart beats",
            "the camera's heart beats",
            "a picture of the garden",
            "stopped, it is stopped",
            "nobody takes pictures: no-responder",
            "started again: a picture of the street",
            "the lens: run again after it failed",
            "camera.online = 1",
            "camera.online = 0",
        ],
        "bridges": [
            "site.robot_a.near.front: 0.4 m",
            "site.robot_a.near.back: 0.8 m",
            "the robot gets orders.lamp: lights off",
            "asked from afar: moving north",
            "sensors.sonar.* → site.robot_a.near.{1}: 4 in, 2 out, 2 left out",
            "site.robot_a.orders.{rest} → orders.#, backwards: 1 in, 1 out, 0 left out",
        ],
        "sql": [
            "user 1 is Ada",
            "user 2 is Grace",
            "user 3 is Robert'); DROP TABLE",
            "there is none",
            "with an r: Grace, Robert'); DROP TABLE",
        ],
        "shop": [
            "shipped: 2 × lamp",
            "shipped: 1 × lamp",
            "left: 7 lamps",
            "4 messages came, for 2 orders; the handler ran 3 times, and once was undone",
        ],
        "your-own-broker": [
            "house.guests: 2 in the house",
            "house.dust: a box from 1974",
            "house.alarm: armed",
            "refused: the broker refused: only the owner may",
            "refused: the broker refused: not in this house",
        ],
        "your-own-server": [
            "before a step: nothing",
            "stepped: Hello, world!",
            "stepped: timeout",
            "immediate: Hello, world!",
            "immediate: timeout",
        ],
        "faults": [
            "seed 7 lets through 1 1 2 3 5 6 7 9 9",
            "seed 8 lets through 1 1 2 3 3 4 5 6 7 8",
            "seed 7 lets through 1 1 2 3 5 6 7 9 9",
            "the question why? ended an hour later: timeout",
        ],
    ]
}
