import IntegrationSupport
import Martlet

/// A defect of commlib-py 0.13.2 that makes a cell of the matrix impossible. "What is on the wire" lists the same.
struct Defect: Sendable {
    /// What the table says.
    let mark: String
    /// Does the same between two peers of commlib-py. It returns, or throws, what shows that they can't do it either; it
    /// returns `nil` if they can, which is when this entry has to go.
    let witness: @Sendable (Stage) async throws -> String?
}

extension Cell {
    /// What makes this cell impossible; `nil`: nothing, so that it has to pass.
    var defect: Defect? {
        switch (row, direction, broker) {
        case (.pattern, .swiftToPython, .amqp):
            // A pattern's asterisk is replaced by a hash sign before the name is checked, which allows none.
            Defect(mark: "PSubscriber refuses *") { stage in
                try await stage.withPeer("subscribe_to_pattern", ["name": .string("\(stage.name).*")]) { peer in
                    do {
                        try await peer.next("ready")
                        return nil
                    } catch {
                        return "\(error)"
                    }
                }
            }
        case (.error, .swiftToPython, .amqp):
            // The service answers with its response's defaults.
            Defect(mark: "sent as success") { stage in
                try await stage.withPeer("serve", ["mode": "raise"]) { service in
                    try await service.next("ready")
                    return try await stage.withPeer(
                        "call",
                        ["type": "add", "requests": [Pair(a: 1, b: 2).json], "timeout": 5]
                    ) { caller in
                        let reply = try await caller.next("reply")
                        return reply["data"] == ["c": 0] ? "the caller got \(reply)" : nil
                    }
                }
            }
        case (.parallel, .pythonToSwift, .mqtt5), (.parallel, .pythonToSwift, .mqtt311),
            (.parallel, .pythonToSwift, .own5), (.parallel, .pythonToSwift, .own311),
            (.parallel, .pythonToSwift, .here),
            (.parallel, .pythonToSwift, .amqp):
            // The client keeps one reply, whoever it is for.
            Defect(mark: "client swaps replies") { stage in
                try await stage.withPeer("serve", ["mode": "slow"]) { service in
                    try await service.next("ready")
                    let correct = try await stage.correctParallelCalls(timeout: 3)
                    return correct < 20 ? "\(correct) of 20 calls got their own response" : nil
                }
            }
        case (.parallel, .swiftToPython, .amqp):
            // The service's queue holds ten requests. The oldest has to go for the eleventh, and nobody is told.
            Defect(mark: "queue drops requests") { stage in
                try await stage.withPeer("serve", ["mode": "slow", "delay": 2]) { service in
                    try await service.next("ready")
                    let unanswered = try await stage.unansweredCallers(20)
                    return unanswered > 0 ? "\(unanswered) of 20 callers were not answered" : nil
                }
            }
        default: nil
        }
    }
}
