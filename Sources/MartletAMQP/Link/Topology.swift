import Martlet
import OrderedCollections

/// What a connection has declared by its native API, to be declared again on a new link: the queues and exchanges may have
/// gone with the old one, or with the broker's memory. A pure value.
struct Topology {
    private var exchanges: OrderedDictionary<ByteKey, AMQPExchange> = [:]
    private var queues: OrderedDictionary<ByteKey, AMQPQueue> = [:]
    private var queueBindings: OrderedSet<AMQPBinding> = []
    private var exchangeBindings: OrderedSet<AMQPBinding> = []

    /// What to ask for, in an order in which each has what it needs.
    var methods: [ClientMethod] {
        exchanges.values.map { .declareExchange($0, passive: false) }
            + queues.values.map { .declareQueue($0, passive: false) }
            + exchangeBindings.map(ClientMethod.bindExchange) + queueBindings.map(ClientMethod.bindQueue)
    }

    /// How a queue was declared.
    func queue(_ name: String) -> AMQPQueue? { queues[ByteKey(name)] }

    /// Something was done that lasts.
    mutating func note(_ method: ClientMethod) {
        switch method {
        case .declareExchange(let exchange, passive: false): exchanges[ByteKey(exchange.name)] = exchange
        // One that the broker named is gone with its name.
        case .declareQueue(let queue, passive: false) where !queue.name.isEmpty: queues[ByteKey(queue.name)] = queue
        case .bindQueue(let binding): queueBindings.append(binding)
        case .bindExchange(let binding): exchangeBindings.append(binding)
        case .unbindQueue(let binding): queueBindings.remove(binding)
        case .unbindExchange(let binding): exchangeBindings.remove(binding)
        case .deleteExchange(let name, _):
            exchanges[ByteKey(name)] = nil
            queueBindings.removeAll { $0.source.hasSameBytes(as: name) }
            exchangeBindings.removeAll {
                $0.source.hasSameBytes(as: name) || $0.destination.hasSameBytes(as: name)
            }
        case .deleteQueue(let name, _, _):
            queues[ByteKey(name)] = nil
            queueBindings.removeAll { $0.destination.hasSameBytes(as: name) }
        default: break
        }
    }
}
