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
