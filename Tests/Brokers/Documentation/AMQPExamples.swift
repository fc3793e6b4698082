import Martlet
import MartletAMQP

/// The examples of AMQP's documentation. Compiled, and not run: there may be no broker at the usual place.
private func verbs() async throws {
    try await AMQPConnection.withConnection(to: "amqp://guest:guest@localhost") { broker in
        try await broker.send(Message("paint the fence"), to: "jobs")

        let jobs = try await broker.consume(from: "jobs", options: ConsumeOptions(prefetch: 4))
        for try await job in jobs {
            print(job.message.text ?? "")
            try job.ack()
        }
    }
}

private func native(_ broker: AMQPConnection) async throws {
    try await broker.declare(AMQPExchange("orders", kind: .topic))
    var queue = AMQPQueue("orders.berlin")
    queue.kind = .quorum
    queue.deadLetterExchange = "orders.dead"
    try await broker.declare(queue)
    try await broker.bindQueue(AMQPBinding(from: "orders", to: "orders.berlin", routingKey: "*.berlin.#"))

    try await broker.withChannel { channel in
        let order = AMQPMessage("{}", properties: AMQPProperties(deliveryMode: 2, priority: 3))
        try await channel.publish(order, to: "orders", routingKey: "new.berlin", isMandatory: true)
    }
}

private func exchanges() {
    struct Order: Codable, Sendable { var number: Int }

    func passOn(_ connection: AMQPConnection) -> Node {
        let publish = ExchangePublisher(to: "bills", key: "new", on: connection, of: Order.self)
        return Node("shop", on: connection) {
            ConsumeExchange("orders", key: "paid", on: connection) { (order: Order) in try await publish(order) }
            ConsumeExchange("orders", key: "audit", on: connection) { (order: Order, delivery) in
                try delivery.ack()
                print(order.number, delivery.routingKey, delivery.message.properties.correlationID ?? "")
            }
        }
    }
    _ = passOn
}

private func methods() {
    struct Pair: Codable, Sendable {
        var a: Int
        var b: Int
    }

    func calculator(_ connection: AMQPConnection) -> Node {
        Node("calculator", on: connection) {
            ServeMethods(of: "calculator", on: connection, style: .farine) {
                Method("add") { (pair: Pair) in pair.a + pair.b }
                StreamMethod("digits") { (_: NoArguments, send) in
                    for digit in 0...9 { try await send(digit) }
                }
            }
        }
    }

    func calculate(_ connection: AMQPConnection) async throws {
        let calculator = MethodClient(of: "calculator", on: connection, style: .farine)
        let sum: Int = try await calculator.call("add", Pair(a: 20, b: 22))
        let same: Int = try await calculator.call("add", ordered: [20, 22])
        print(sum == same)
        for try await digit in try await calculator.stream("digits", returning: Int.self) { print(digit) }
    }
    _ = (calculator, calculate)
}
