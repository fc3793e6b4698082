import IntegrationSupport
import Martlet
import MartletBrokers

/// A program that does a little of everything, to see what of it holds at a broker. Only its URL says which broker that is.
struct MovedProgram {
    /// What became of each thing that it asked for: `yes`, `no`, or the code of the error.
    private(set) var findings: [String: String] = [:]

    /// - Parameters:
    ///   - url: the broker.
    ///   - other: where another program finds it: another node, if it has several.
    ///   - shares: whether it asks for a topic that a group shares. A broker of MQTT 3.1.1 that knows no such thing does not say so.
    static func findings(at url: String, and other: String, shares: Bool = true) async throws -> [String: String] {
        let (near, far) = (try await connect(to: url), try await connect(to: other))
        var program = MovedProgram()
        await program.publish(near, far)
        if shares { await program.share(near, far) }
        await program.retain(near, far)
        await program.call(near, far)
        await near.close()
        await far.close()
        return program.findings
    }

    private mutating func note(_ name: String, _ body: () async throws -> Bool) async {
        do {
            findings[name] = try await body() ? "yes" : "no"
        } catch let error as MessagingError {
            findings[name] = "\(error.code)"
        } catch {
            findings[name] = "\(error)"
        }
    }

    private mutating func publish(_ near: any Connection, _ far: any Connection) async {
        for (name, guarantee) in [("at least once", Guarantee.atLeastOnce), ("once", .exactlyOnce)] {
            await note(name) {
                let topic = TopicName("moved.\(guarantee)")
                let readings = try await far.subscribe(to: TopicPattern(topic))
                // One node tells another of its subscribers in its own time.
                let options = PublishOptions(guarantee: guarantee, expiry: .seconds(10))
                try await until {
                    try await near.publish(Message(name), to: topic, options: options)
                    return readings.waiting > 0
                }
                return try await readings.next()?.message.text == name
            }
        }
    }

    private mutating func share(_ near: any Connection, _ far: any Connection) async {
        await note("shared") {
            let options = SubscribeOptions(group: "half")
            let readings = [
                try await near.subscribe(to: "moved.shared", options: options),
                try await far.subscribe(to: "moved.shared", options: options),
            ]
            for number in 0..<20 { try await near.publish(Message("\(number)"), to: "moved.shared") }
            try await until { readings[0].waiting + readings[1].waiting >= 20 }
            return readings[0].waiting + readings[1].waiting == 20
        }
    }

    private mutating func retain(_ near: any Connection, _ far: any Connection) async {
        let options = PublishOptions(guarantee: .atLeastOnce, retain: true)
        await note("retained") {
            try await near.publish(Message("kept"), to: "moved.kept", options: options)
            return try await Self.hears("moved.kept", near)
        }
        guard findings["retained"] == "yes" else { return }
        await note("retained, by a wildcard") { try await Self.hears("moved.*", near) }
        await note("retained, at another node") { try await Self.hears("moved.kept", far) }
    }

    /// Whether somebody who subscribes now gets what is retained. What a broker sends after that was published after it; a broker
    /// may have acknowledged what was published before, and send it only now.
    private static func hears(_ pattern: TopicPattern, _ reader: any Connection) async throws -> Bool {
        let readings = try await reader.subscribe(to: pattern, options: SubscribeOptions(guarantee: .atLeastOnce))
        let mark = "mark \(UInt64.random(in: 0...UInt64.max))"
        try await reader.publish(Message(mark), to: "moved.kept", options: PublishOptions(guarantee: .atLeastOnce))
        while let text = try await readings.next()?.message.text, text != mark { if text == "kept" { return true } }
        return false
    }

    private mutating func call(_ near: any Connection, _ far: any Connection) async {
        let double = RPC<Int, Int>("moved.double")
        await note("called") {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await far.respond(to: double) { 2 * $0 } }
                var answer: Int?
                while answer == nil {
                    do {
                        answer = try await near.call(double, 21, timeout: .seconds(1))
                    } catch let error as MessagingError where [.noResponder, .timeout].contains(error.code) {}
                }
                group.cancelAll()
                return answer == 42
            }
        }
    }
}
