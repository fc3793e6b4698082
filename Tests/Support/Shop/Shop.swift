import Martlet
import MartletAMQP
import MartletSQL

/// Takes orders from a queue, and sends shipments to another.
struct Shop: Sendable {
    struct Order: Codable, Sendable {
        var number: Int
        var amount: Int
    }

    struct Shipment: Codable, Sendable {
        var number: Int
    }

    private let database: any Database

    init(_ database: any Database) {
        self.database = database
    }

    func run(brokerPort: Int) async throws {
        try await database.migrate {
            Migration("shop") {
                "CREATE TABLE stock (number INT NOT NULL)"
                "INSERT INTO stock VALUES (1000000)"
                "CREATE TABLE sold (number INT NOT NULL, amount INT NOT NULL)"
            }
        }
        let connection = try await AMQPConnection.connect(
            AMQPOptions(servers: [.init(host: "127.0.0.1", port: brokerPort)])
        )
        let node = Node("shop", on: connection) {
            Consume(
                from: Queue<Order>("orders"),
                in: database,
                deduplicating: .by(\.number),
                onHandlerError: .requeue(deliveries: 1_000_000)
            ) { order, db in
                try await db.execute("UPDATE stock SET number = number - \(order.amount)")
                try await db.execute("INSERT INTO sold (number, amount) VALUES (\(order.number), \(order.amount))")
                try await db.send(Shipment(number: order.number), to: Queue<Shipment>("shipments"))
                say("sold \(order.number)")
            }
            Outbox(database, options: .init(interval: .milliseconds(5), batch: 10))
        }
        try await node.run()
    }
}
