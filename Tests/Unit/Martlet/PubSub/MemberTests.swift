import Martlet
import MartletTesting
import Testing

/// Values of which each member is published on a topic of its own.
@Suite(.timeLimit(.minutes(10))) struct MemberTests {
    private struct Fan: Codable, Sendable { var speed: Int, modes = ["low", "high"] }
    private struct House: Codable, Sendable {
        var temperature = 21.123456
        var fan = Fan(speed: 2)
        var label: String? = "a.b"
        var missing: Int?
        var isOn = true
    }

    private func received(
        _ count: Int,
        _ publish: (MemoryConnection) async throws -> Void
    ) async throws -> [String] {
        let connection = try await MemoryBroker().connect()
        let subscription = try await connection.subscribe(to: "#")
        try await publish(connection)
        try await connection.publish(Message("end"), to: "end")
        var lines: [String] = []
        while let delivery = try await subscription.next(), delivery.topic != "end" {
            lines.append("\(delivery.topic)=\(delivery.message.text ?? "?")")
        }
        #expect(lines.count == count)
        return lines
    }

    @Test func eachMemberHasItsTopic() async throws {
        let lines = try await received(5) { try await $0.publish(membersOf: House(), below: "home") }
        #expect(
            lines == [
                #"home.fan.modes=["low","high"]"#, "home.fan.speed=2", "home.isOn=true", #"home.label="a.b""#,
                "home.temperature=21.123456",
            ]
        )
    }

    @Test func plainTextIsWhatDevicesRead() async throws {
        let lines = try await received(5) {
            try await $0.publish(membersOf: House(), below: "home", codec: PlainText())
        }
        #expect(
            lines == [
                #"home.fan.modes=["low","high"]"#, "home.fan.speed=2", "home.isOn=1", "home.label=a.b",
                "home.temperature=21.1235",
            ]
        )
    }

    @Test func anyKeyIsOneSegment() async throws {
        let lines = try await received(2) {
            try await $0.publish(membersOf: ["a.b": 1, "*": 2], below: TopicName(segments: ["x.y"]))
        }
        #expect(lines == ["x%2Ey.%2A=2", "x%2Ey.a%2Eb=1"])
    }

    @Test func whatHasNoMembersIsAnError() async throws {
        let connection = try await MemoryBroker().connect()
        for value in [1, [1], "x", .null] as [JSON] {
            #expect(await errorCode { try await connection.publish(membersOf: value, below: "a") } == .encodingFailed)
        }
        #expect(try await received(0) { try await $0.publish(membersOf: [:] as JSON, below: "a") } == [])
        #expect(try await received(0) { try await $0.publish(membersOf: ["a": [:]] as JSON, below: "a") } == [])
    }

    @Test func onlyTheMembersThatChangeAreDue() async throws {
        let lines = try await received(6) { connection in
            let publisher = MultiTopicPublisher<House>(on: connection, filter: .onlyIfChanged, codec: PlainText())
            var house = House()
            let first = try await publisher.publish(membersOf: house, below: "home")
            #expect(first == 5)
            house.temperature = 21.12348
            house.fan.speed = 3
            let second = try await publisher.publish(membersOf: house, below: "home")
            #expect(second == 1)
        }
        #expect(lines.last == "home.fan.speed=3")
    }
}
