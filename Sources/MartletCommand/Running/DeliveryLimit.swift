import Martlet

/// How many deliveries are wanted, and for how long they are waited for.
struct DeliveryLimit: Sendable {
    /// `nil`: any number.
    let count: Int?
    /// `nil`: for ever.
    let timeout: Duration?

    /// Calls `body` with each delivery until there are enough or the time is over.
    ///
    /// - Throws: ``Failure`` if the time is over before there are enough; what `body` throws; `CancellationError`.
    func forEach(
        of subscription: Subscription,
        _ body: @escaping @Sendable (Delivery) async throws -> Void
    ) async throws {
        do {
            try await withTimeLimit(timeout) {
                var left = count ?? .max
                while left > 0, let delivery = try await subscription.next() {
                    try await body(delivery)
                    left -= 1
                }
            }
        } catch is TimeIsOver {
            guard let count else { return }
            throw Failure(
                .timeIsOver,
                "fewer than \(count) messages came within \(timeout?.defaultValueDescription ?? "")",
                advice: "Give it more time with --timeout, or see whether somebody sends any."
            )
        }
    }
}
