import Martlet

extension Subscription {
    /// The texts of the next so many messages, acknowledged if they are from a queue.
    func texts(_ count: Int) async throws -> [String] {
        var texts: [String] = []
        while texts.count < count, let delivery = try await next() {
            try delivery.ack()
            texts.append(delivery.message.text ?? "bytes")
        }
        return texts
    }

    /// The next delivery.
    func delivery(_ environment: ConformanceEnvironment) async throws -> Delivery {
        guard let delivery = try await next() else {
            throw environment.failure(expected: "a delivery", actual: "the subscription ended")
        }
        return delivery
    }
}
