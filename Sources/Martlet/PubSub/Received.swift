/// A value as it arrived, with where it came from.
///
/// The members of the value can be asked for directly: `order.amount` is `order.value.amount`.
@dynamicMemberLookup
public struct Received<Value: Sendable>: Sendable {
    /// The value.
    public let value: Value
    /// The delivery that carried it.
    public let delivery: Delivery

    init(value: Value, delivery: Delivery) {
        self.value = value
        self.delivery = delivery
    }

    /// A member of the value.
    public subscript<Member>(dynamicMember member: KeyPath<Value, Member>) -> Member { value[keyPath: member] }

    /// The topic it was published to, or the queue's name.
    public var topic: TopicName { delivery.topic }
    /// What the last `#` of the filter stands for in the topic; see ``Delivery/rest``.
    public var rest: [String] { delivery.rest }
    /// What travelled beside it.
    public var headers: Headers { delivery.message.headers }

    /// Says that a delivery from a queue is done with; see ``Delivery/ack()``.
    public func ack() throws { try delivery.ack() }
    /// Says that a delivery from a queue could not be handled; see ``Delivery/nack(requeue:)``.
    public func nack(requeue: Bool) throws { try delivery.nack(requeue: requeue) }
}
