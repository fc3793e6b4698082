import IntegrationSupport
import Martlet
import MartletTesting

/// Remote procedures.
extension Stage {
    var add: RPC<Pair, Sum> { RPC(QueueName(name)) }

    /// Calls until the service answers: its library does not tell when it has begun to listen.
    func reach(_ service: PythonPeer) async throws {
        try await service.next("ready")
        try await until {
            await errorCode { _ = try await connection.call(add, Pair(), timeout: .milliseconds(500)) } == nil
        }
    }

    func callPython() async throws {
        try await withPeer("serve") { service in
            try await reach(service)
            for number in 0..<10 {
                let pair = Pair.sample(number)
                let sum = try await connection.call(add, pair)
                try require(sum, is: Sum(c: pair.a + pair.b), "call \(number)")
            }
        }
    }

    func callPythonInParallel() async throws {
        try await withPeer("serve") { service in
            try await reach(service)
            try await withThrowingTaskGroup { group in
                for number in 0..<20 {
                    group.addTask {
                        let pair = Pair.sample(number)
                        let sum = try await connection.call(add, pair)
                        try require(sum, is: Sum(c: pair.a + pair.b), "call \(number)")
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    /// Runs `body` while Martlet serves `add`.
    func serving(
        _ handler: @escaping @Sendable (Pair) async throws -> Sum = { Sum(c: $0.a + $0.b) },
        _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        let gate = Gate()
        try await withBackground {
            try await connection.respond(to: add, onReady: { gate.open() }, handler: handler)
        } _: {
            try await gate.wait()
            try await body()
        }
    }

    func serveToPython() async throws {
        try await serving {
            let requests = JSON.array((0..<10).map { Pair.sample($0).json })
            try await withPeer("call", ["type": "add", "requests": requests]) { caller in
                for number in 0..<10 {
                    let pair = Pair.sample(number)
                    let reply = try await caller.next("reply")
                    try require(reply["data"], is: ["c": .number(Double(pair.a + pair.b))], "call \(number)")
                }
            }
        }
    }

    /// How many of 20 calls at once, through one client of commlib-py, get their own response.
    func correctParallelCalls(timeout: Int = 10) async throws -> Int {
        let requests = JSON.array((0..<20).map { Pair.sample($0).json })
        let arguments: [String: JSON] = [
            "type": "add", "requests": requests, "parallel": true, "timeout": .number(Double(timeout)),
        ]
        return try await withPeer("call", arguments) { caller in
            var correct = 0
            for _ in 0..<20 {
                let reply = try await caller.next("reply")
                guard let index = reply["index"]?.integer else { continue }
                let pair = Pair.sample(index)
                if reply["data"] == ["c": .number(Double(pair.a + pair.b))] { correct += 1 }
            }
            return correct
        }
    }

    /// How many of some peers, each with a client of its own, get no response.
    func unansweredCallers(_ count: Int) async throws -> Int {
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<count {
                group.addTask {
                    let arguments: [String: JSON] = ["type": "add", "requests": [Pair(a: 1, b: 2).json], "timeout": 15]
                    let reply = try await withPeer("call", arguments) { try await $0.next("reply") }
                    return reply["data"] == ["c": 3] ? 0 : 1
                }
            }
            return try await group.reduce(0, +)
        }
    }

    func serveToPythonInParallel() async throws {
        try await serving {
            try await require(correctParallelCalls(), is: 20, "calls that got their own response")
        }
    }

    /// The service has no word for an error. What it does instead must not look like a response.
    func callFailingPython() async throws {
        try await withPeer("serve", ["mode": "raise"]) { service in
            try await service.next("ready")
            switch broker {
            case .mqtt5, .mqtt311, .own5, .own311:
                // It does not answer.
                try await until {
                    await errorCode { _ = try await connection.call(add, Pair(), timeout: .seconds(1)) } == .timeout
                }
            case .redis, .amqp:
                // It answers with an empty object, once it listens.
                var code: MessagingError.Code? = .noResponder
                while code == .noResponder { code = await errorCode { _ = try await connection.call(add, Pair()) } }
                try require(code, is: .decodingFailed, "the error")
            }
        }
    }

    /// commlib-py's callers can't be told of an error. They must not take what they get for a response.
    func failForPython() async throws {
        try await serving { _ in
            throw MessagingError("out-of-range", "asked to fail")
        } _: {
            for type: JSON in ["add", nil] {
                let arguments: [String: JSON] = ["type": type, "requests": [Pair().json], "timeout": 2]
                let reply = try await withPeer("call", arguments) { try await $0.next("reply") }
                try require(reply["error"] != nil || reply["data"] == .null, "a caller of \(type) got \(reply)")
            }
            // Martlet's own are told.
            let code = await errorCode { _ = try await connection.call(add, Pair()) }
            try require(code, is: "out-of-range", "what Martlet's own caller is told")
        }
    }
}
