import Martlet

/// A broker of your own: the embedded one, with your rules.
struct YourOwnBroker: Example {
    let name = "your-own-broker"
    let summary = "your own rules in the embedded broker: refuse, change, reroute, answer"

    /// Asked before anything is done. Every method has a default that accepts.
    struct HouseRules: BrokerHandler {
        var guests = 0

        mutating func connects(_ client: BrokerClient, actions: inout BrokerActions) -> BrokerRuling<Void> {
            if client.name == "burglar" { return .refuse("not in this house") }
            guests += 1
            actions.dispatch(Message("\(guests) in the house"), to: .topic("house.guests", retain: true))
            return .accept
        }

        mutating func dispatches(
            _ dispatch: BrokerDispatch,
            from client: BrokerClient,
            actions: inout BrokerActions
        ) -> BrokerRuling<BrokerDispatch> {
            guard case .topic(let topic, let retain) = dispatch.destination else { return .accept }
            if topic == "house.alarm", client.name != "owner" { return .refuse("only the owner may") }
            if topic.segments.first == "attic" {
                return .change(.init(dispatch.message, to: .topic("house.dust", retain: retain)))
            }
            return .accept
        }
    }

    func run(on broker: Broker) async throws {
        // Whatever was chosen: this example is about the embedded broker.
        let house = MemoryBroker(handler: HouseRules())
        let owner = try await house.connect(name: "owner")
        let child = try await house.connect(name: "child")
        let heard = try await owner.subscribe(to: "house.#")

        try await child.publish(Message("a box from 1974"), to: "attic.box")
        try await owner.publish(Message("armed"), to: "house.alarm")
        for try await delivery in heard.prefix(3) { print("\(delivery.topic): \(delivery.message.text ?? "?")") }

        do {
            try await child.publish(Message("off"), to: "house.alarm")
        } catch let error as MessagingError {
            print("\(error.code): \(error.message)")
        }
        do {
            _ = try await house.connect(name: "burglar")
        } catch let error as MessagingError {
            print("\(error.code): \(error.message)")
        }
        for connection in [child, owner] { await connection.close() }
    }
}
