import Martlet

/// Streaming RPC: one request, many answers, as fast as the reader reads.
struct StreamingCall: Example {
    let name = "streaming-rpc"
    let summary = "one request, many answers: a slow reader slows the server, leaving the loop ends it"

    let primes = StreamingRPC<Int, Int>("numbers.primes")

    func run(on broker: Broker) async throws {
        let mathematician = try await broker.connect(name: "mathematician")
        let ended = Topic<Int>("numbers.ended")
        let numbers = Node("numbers", on: mathematician) {
            Respond(to: primes) { limit, answer in
                var (number, written) = (1, 0)
                do {
                    while written < limit {
                        number += 1
                        guard !(2..<number).contains(where: { number % $0 == 0 }) else { continue }
                        // Waits while the reader is a window of elements behind; throws when the reader has left.
                        try await answer.write(number)
                        written += 1
                    }
                } catch is CancellationError {
                    // From a task of its own, because this one is cancelled.
                    await Task { [written] in try? await mathematician.publish(written, to: ended) }.value
                }
            }
        }
        let pupil = try await broker.connect(name: "pupil")
        try await numbers.whileRunning {
            var all: [Int] = []
            for try await prime in try await pupil.stream(primes, 10) { all.append(prime) }
            print("the first ten: \(all.map(String.init).joined(separator: " "))")

            // A million were asked for. The server is never more than eight ahead, and stops when the loop is left.
            let ends = try await pupil.subscribe(to: ended)
            for try await prime in try await pupil.stream(primes, 1_000_000, window: 8) where prime > 40 {
                print("enough at \(prime)")
                break
            }
            for try await written in ends.prefix(1) {
                print("the server stopped \(written.value <= 13 + 8 ? "within" : "beyond") the window")
            }
        }
    }
}
