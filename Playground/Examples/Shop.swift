import Martlet
import MartletSQL
import Synchronization

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A shop: what an order does to the stock, the shipment that it causes, and that it was handled are one transaction.
struct Shop: Example {
    let name = "shop"
    let summary = "stock, orders, shipments: each order has its effects once, however often it comes"

    struct Order: Codable, Sendable {
        var id = UUID()
        var good: String
        var count: Int
    }

    struct Shipment: Codable, Sendable {
        var order: UUID
        var good: String
        var count: Int
    }

    /// How often the handler ran. It outlives a transaction that is undone.
    final class Runs: Sendable {
        let count = Atomic(0)
    }

    struct BrokenVan: Error {}

    let orders = Queue<Order>("shop.orders")
    let shipments = Queue<Shipment>("shop.shipments")

    func run(on broker: Broker) async throws {
        let database = try broker.openDatabase()
        try await database.migrate {
            Migration("playground stock") {
                "CREATE TABLE playground_stock (good TEXT PRIMARY KEY, count INT NOT NULL)"
            }
        }
        // The outbox makes its table by itself, but perhaps not before the first order comes.
        try await database.prepareOutbox()
        try await database.transaction { db in
            try await db.execute("DELETE FROM playground_stock")
            try await db.execute("INSERT INTO playground_stock (good, count) VALUES ('lamp', 10)")
        }

        let runs = Runs()
        let shop = Node("shop", on: try await broker.connect(name: "shop")) {
            Consume(from: orders, in: database, deduplicating: .by(\.id)) { order, db in
                let run = runs.count.add(1, ordering: .relaxed).newValue
                try await db.execute(
                    "UPDATE playground_stock SET count = count - \(order.count) WHERE good = \(order.good)"
                )
                // It is sent if, and only if, the transaction is committed.
                try await db.send(Shipment(order: order.id, good: order.good, count: order.count), to: shipments)
                // Once it fails after all of that: nothing has happened, and the order comes again.
                if run == 2 { throw BrokenVan() }
            }
            Outbox(database)
        }
        let customer = try await broker.connect(name: "customer")
        try await shop.whileRunning {
            let order = Order(good: "lamp", count: 2)
            // An impatient customer, or a broker that was not told in time.
            for _ in 0..<3 { try await customer.send(order, to: orders) }
            try await customer.send(Order(good: "lamp", count: 1), to: orders)

            for try await shipment in try await customer.consume(from: shipments).prefix(2) {
                print("shipped: \(shipment.value.count) × \(shipment.value.good)")
                try shipment.ack()
            }
            let left = try await database.first("SELECT count FROM playground_stock WHERE good = 'lamp'", as: Int.self)
            print("left: \(left ?? 0) lamps")
            let count = runs.count.load(ordering: .relaxed)
            print("4 messages came, for 2 orders; the handler ran \(count) times, and once was undone")
        }
    }
}
