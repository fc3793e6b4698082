/// What becomes of a delivery from a queue whose handler throws.
public enum DeliveryErrorPolicy: Sendable, Hashable {
    /// It goes back into the queue, until it has been delivered so many times in all; then it becomes a dead letter.
    case requeue(deliveries: Int = 5)
    /// It becomes a dead letter at once.
    case reject
    /// It goes back into the queue and the component fails, so that its ``FailurePolicy`` decides.
    case fail

    func validate() throws {
        guard case .requeue(let deliveries) = self, deliveries < 1 else { return }
        throw MessagingError(
            .invalidArgument,
            "a consumer requeues up to \(deliveries) deliveries of a message; it must be at least 1"
        )
    }
}
