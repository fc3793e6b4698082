import IntegrationSupport
import Martlet

/// Remote control.
extension Stage {
    func controlPython() async throws {
        try await withPeer("node", ["control": true]) { node in
            try await until { try await node.next("state")["state"] == 2 }
            for (command, state) in [("stop", 4), ("start", 2)] {
                let control = RPC<[String: String], ControlAnswer>(QueueName("\(name).\(command)"))
                var answer: ControlAnswer?
                while answer == nil {
                    do {
                        answer = try await connection.call(control, [:], timeout: .seconds(2))
                    } catch let error as MessagingError where error.code == .noResponder || error.code == .timeout {
                        try await Task.sleep(for: .milliseconds(20))
                    }
                }
                try require(answer, is: ControlAnswer(status: 0, error: ""), command)
                try await require(node.next("state")["state"], is: .number(Double(state)), "the state after \(command)")
            }
        }
    }

    func beControlledByPython() async throws {
        let node = Node(name, on: connection, options: NodeOptions(remoteControl: true)) {}
        try await node.whileRunning {
            for (command, state) in [("stop", NodeState.stopped), ("start", .running)] {
                for status: JSON in [0, 1] {
                    let arguments: [String: JSON] = [
                        "name": .string("\(name).\(command)"), "type": "control", "requests": [[:]],
                    ]
                    let reply = try await withPeer("call", arguments) { try await $0.next("reply") }
                    try require(reply["data"]?["status"], is: status, "\(command): \(reply)")
                    try require(node.state, is: state, "the state after \(command)")
                }
            }
        }
    }
}
