import Martlet

/// Nodes: what a process is on the broker. Alive, online, healthy, and under remote control if it wants to be.
struct NodeLifecycle: Example {
    let name = "node-lifecycle"
    let summary = "a node's life: heartbeat, online announcement, health, remote stop and start, restarts"

    func run(on broker: Broker) async throws {
        // If the link to this connection is lost, the broker says for it that the node is offline.
        let connection = try await broker.connect(name: "camera", will: Node.will(for: "camera"))
        let options = NodeOptions(heartbeat: .every(.milliseconds(50)), online: .standard, remoteControl: true)
        let snapshot = RPC<String, String>("camera.snapshot")
        let camera = Node("camera", on: connection, options: options) {
            Respond(to: snapshot) { "a picture of \($0)" }
            Execute("lens", restart: .onFailure, backoff: Backoff(initial: .milliseconds(1), attempts: 2)) {
                throw MessagingError("lens-stuck", "the lens does not move")
            }.onFailure(.end)  // The camera goes on without it.
        }

        let keeper = try await broker.connect(name: "keeper")
        let health = RPC<NoPayload, NodeHealth>("camera.health")
        let online = try await keeper.subscribe(to: "camera.online")
        let beats = try await keeper.subscribe(to: Topic<Heartbeat>("camera.heartbeat"))
        try await camera.whileRunning {
            for try await beat in beats.prefix(2) where beat.value.timestamp > 0 { print("the camera's heart beats") }

            print(try await keeper.call(snapshot, "the garden"))
            _ = try await keeper.call("camera.stop", Message())
            print("stopped, it is \(try await keeper.call(health, NoPayload()).state)")
            do {
                _ = try await keeper.call(snapshot, "the garden")
            } catch let error as MessagingError {
                print("nobody takes pictures: \(error.code)")
            }
            _ = try await keeper.call("camera.start", Message())
            print("started again: \(try await keeper.call(snapshot, "the street"))")

            let lens = try await keeper.call(health, NoPayload())["lens"]
            print("the lens: \(lens?.restarts ?? 0 > 0 ? "run again after it failed" : "fine")")
        }
        for try await word in online.prefix(2) { print("\(word.topic) = \(word.message.text ?? "?")") }
    }
}
