import ArgumentParser
import Martlet
import Synchronization

/// How many deliveries are wanted, and for how long they are waited for.
struct DeliveryLimit: Sendable {
    /// `nil`: any number.
    let count: Int?
    /// `nil`: for ever.
    let timeout: Duration?
    /// Whether it is a failure that fewer than ``count`` came in time.
    let isRequired: Bool

    private final class Tally: Sendable {
        let count = Atomic(0)
    }

    /// Calls `body` with each delivery until there are enough or the time is over.
    ///
    /// - Throws: ``Failure`` if the time is over before there are enough; what `body` throws; `CancellationError`.
    func forEach(
        of subscription: Subscription,
        _ body: @escaping @Sendable (Delivery) async throws -> Void
    ) async throws {
        let tally = Tally()
        do {
            try await withTimeLimit(timeout) {
                var deliveries = subscription.makeAsyncIterator()
                while tally.count.load(ordering: .relaxed) < count ?? .max, let delivery = try await deliveries.next() {
                    try await body(delivery)
                    tally.count.add(1, ordering: .relaxed)
                }
            }
        } catch is TimeIsOver {
            guard let count, isRequired else { return }
            let came = tally.count.load(ordering: .relaxed)
            throw Failure(
                .timeIsOver,
                "\(came) of \(count) messages came within \(timeout?.defaultValueDescription ?? "")",
                advice: "Give it more time with --timeout, or see whether somebody sends any."
            )
        }
    }
}
