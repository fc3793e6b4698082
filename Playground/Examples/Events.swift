import Martlet

/// Events: what happened, by name, with what belongs to it.
struct Events: Example {
    let name = "events"
    let summary = "events: what happened, by name, to whoever listens"

    struct Door: Codable, Sendable {
        var room: String
        var isOpen: Bool
    }

    func run(on broker: Broker) async throws {
        let house = try await broker.connect(name: "house")
        let guardian = try await broker.connect(name: "guardian")

        let doors = try await guardian.listen(to: "events.door.*", for: Door.self)
        // Whatever belongs to the events: this listener wants to know only that they happened.
        let all = try await guardian.listen(to: "events.#", for: NoPayload.self)

        // Any number of events of any kind; the emitter numbers and signs them.
        let emitter = EventEmitter(on: house)
        try await emitter.emit("DoorOpened", at: "events.door.front", payload: Door(room: "hall", isOpen: true))
        try await emitter.emit("BellRang", at: "events.bell", description: "someone is at the front door")
        try await emitter.emit("DoorClosed", at: "events.door.front", payload: Door(room: "hall", isOpen: false))

        for try await event in doors.prefix(2) {
            print("\(event.name): the \(event.payload.room)'s door is \(event.payload.isOpen ? "open" : "closed")")
        }
        for try await event in all.prefix(3) {
            print("event \(event.header.messageID) of \(event.header.nodeID): \(event.name) at \(event.uri)")
        }
    }
}
