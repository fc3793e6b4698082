import Martlet

/// RPC: ask someone, and await the answer or the reason why there is none.
struct CallAndRespond: Example {
    let name = "rpc"
    let summary = "remote procedures: typed answers, typed errors, timeouts that reach the handler"

    struct Pair: Codable, Sendable {
        var a: Int
        var b: Int
    }

    let add = RPC<Pair, Int>("calculator.add")
    let divide = RPC<Pair, Int>("calculator.divide")
    let ponder = RPC<Pair, Int>("calculator.ponder")
    let missing = RPC<Pair, Int>("calculator.missing")

    func run(on broker: Broker) async throws {
        let calculator = Node("calculator", on: try await broker.connect(name: "calculator")) {
            Respond(to: add) { $0.a + $0.b }
            Respond(to: divide) { pair in
                // The caller gets this error, with its code and its text.
                guard pair.b != 0 else { throw MessagingError("division-by-zero", "\(pair.a) / 0 is nothing") }
                return pair.a / pair.b
            }
            Respond(to: ponder) { _ in
                // The caller's timeout has come along: when it is over this throws, and nobody works for nobody.
                try await Task.sleep(for: .seconds(3_600))
                return 42
            }
        }
        let caller = try await broker.connect(name: "caller")
        try await calculator.whileRunning {
            print("20 + 22 = \(try await caller.call(add, Pair(a: 20, b: 22)))")

            // As many at a time as you like, over one connection.
            async let tens = caller.call(divide, Pair(a: 100, b: 10))
            async let halves = caller.call(divide, Pair(a: 100, b: 2))
            print("100 / 10 = \(try await tens), 100 / 2 = \(try await halves)")

            for (rpc, timeout) in [(divide, 1_000), (ponder, 100), (missing, 1_000)] {
                do {
                    _ = try await caller.call(rpc, Pair(a: 1, b: 0), timeout: .milliseconds(timeout))
                } catch let error as MessagingError {
                    print("\(rpc.name): \(error.code)")
                }
            }
        }
    }
}
