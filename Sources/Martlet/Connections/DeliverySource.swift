/// Where the deliveries of a subscription come from, as far as they are to know it. An object, so that to say it with a delivery
/// costs one reference count.
package final class DeliverySource: Sendable {
    /// The filter that they come by, if it ends with `#`.
    let filter: TopicPattern?
    /// Logs what becomes of them; `nil`: nobody reads that.
    private let runtime: ConnectionRuntime?

    /// - Parameters:
    ///   - pattern: what is subscribed to; `nil` for a queue.
    ///   - runtime: that of the connection.
    /// - Returns: `nil` if there is nothing that they are to know, as is most often so.
    package init?(_ pattern: TopicPattern? = nil, on runtime: ConnectionRuntime?) {
        filter = pattern.flatMap { $0.segments.last == .rest ? $0 : nil }
        self.runtime = runtime.flatMap { $0.isTracing ? $0 : nil }
        if filter == nil, self.runtime == nil { return nil }
    }

    func trace(_ event: StaticString, _ delivery: Delivery) {
        runtime?.trace(event, delivery.topic.text, delivery.message)
    }
}
