import MartletTesting

@testable import Martlet

/// What must hold after each command.
extension QueueWorld {
    mutating func check() throws {
        noteWhatIsGone()
        orderWhatHasCome()
        for effect in effects { try see(effect) }
        effects.removeAll()
        for name in names { try check(name) }
    }

    private func number(_ message: Message) -> Int { message.headers.integer("n") ?? 0 }

    /// Messages that have left a queue without a word: they expired, or made room.
    private mutating func noteWhatIsGone() {
        var assigned: [Int: QueueName] = [:]
        var (ended, admitted): (Set<UInt64>, Set<UInt64>) = ([], [])
        for effect in effects {
            switch effect {
            case .deliver(.assignment(let queued, _, let queue, _)): assigned[number(queued.message)] = queue
            case .expire(let sender): ended.insert(sender)
            case .admit(let sender): admitted.insert(sender)
            default: break
            }
        }
        let present = names.map { name in Set(queues.queues[name]?.waiting.map { number($0.message) } ?? []) }
        // One that dies may make room in the next queue, so that another one dies there.
        var hasChanged = true
        while hasChanged {
            hasChanged = false
            for (name, there) in zip(names, present) {
                for (number, place) in (places[name] ?? [:]).sorted(by: { $0.value.order < $1.value.order }) {
                    switch place.state {
                    case .held: continue
                    case .parked(let sender):
                        if ended.contains(sender) {
                            note("\(now): the sender of \(number) is told that it has expired")
                            places[name]?[number] = nil
                            hasChanged = true
                            continue
                        }
                        guard admitted.contains(sender) else { continue }
                        hasChanged = true
                        lastOrder += 1
                        entered[name, default: []].insert(number)
                        places[name]?[number]?.order = lastOrder
                        places[name]?[number]?.state = .waiting
                        fallthrough
                    case .waiting:
                        guard !there.contains(number), assigned[number] != name else { continue }
                        let isOldest = !(places[name] ?? [:]).contains { other in
                            there.contains(other.key) && other.value.order < place.order
                                && entered[name]?.contains(other.key) != true
                        }
                        guard isOver(place) || (isDisplaced(from: name) && isOldest) else { continue }
                        hasChanged = true
                        note("\(now): \(number) dies in \(name)")
                        dies(number, in: name)
                    }
                }
            }
        }
    }

    private mutating func orderWhatHasCome() {
        for (name, numbers) in entered {
            let delivered: [Int] = effects.compactMap { effect in
                guard case .deliver(.assignment(let queued, _, name, _)) = effect else { return nil }
                return number(queued.message)
            }
            let waiting = queues.queues[name]?.waiting.map { number($0.message) } ?? []
            let there = (delivered + waiting).filter(numbers.contains)
            let orders = there.compactMap { places[name]?[$0]?.order }.sorted()
            for (number, order) in zip(there, orders) { places[name]?[number]?.order = order }
        }
        entered = [:]
    }

    /// Whether the oldest of a queue go when it is full: by its rule, or for dead letters.
    private func isDisplaced(from name: QueueName) -> Bool {
        options[name]?.overflow == .dropOldest || options.values.contains { $0.deadLetters == name }
    }

    private mutating func see(_ effect: BrokerEffect) throws {
        switch effect {
        case .deliver(.assignment(let queued, let tag, let name, let recipient)):
            let number = number(queued.message)
            note("\(now): \(number) of \(name) goes to \(recipient.number) as \(tag)")
            guard let place = places[name]?[number], place.state == .waiting else {
                throw Violation("\(number) of \(name) is delivered and was not waiting")
            }
            guard let index = consumers.firstIndex(where: { $0.recipient == recipient && $0.queue == name }) else {
                throw Violation("\(number) goes to \(recipient), who does not consume \(name)")
            }
            guard !isOver(place) else { throw Violation("\(number) is delivered and has expired") }
            guard queued.deliveries == place.deliveries + 1 else {
                throw Violation("\(number) was delivered \(place.deliveries) times and says \(queued.deliveries)")
            }
            if let first = places[name]?.first(where: { $0.value.state == .waiting && $0.value.order < place.order }) {
                throw Violation("\(number) of \(name) is delivered before \(first.key)")
            }
            guard tags[tag] == nil else { throw Violation("tag \(tag) is in use") }
            consumers[index].held.insert(tag)
            guard consumers[index].held.count <= consumers[index].prefetch else {
                throw Violation("\(recipient) holds more than it takes")
            }
            tags[tag] = (name, number, recipient.client)
            places[name]?[number]?.deliveries += 1
            places[name]?[number]?.state = .held(tag: tag)
        case .admit, .expire: break
        case .deliver, .end, .tellGone, .tellExpired: throw Violation("queues don't want \(effect)")
        }
    }

    private func check(_ name: QueueName) throws {
        let core = queues.queues[name]
        var waiting: [(number: Int, place: Place)] = []
        var firstParked: (number: Int, place: Place)?
        var held = 0
        for (number, place) in places[name] ?? [:] {
            switch place.state {
            case .waiting: waiting.append((number, place))
            case .parked: if firstParked.map({ number < $0.number }) ?? true { firstParked = (number, place) }
            case .held: held += 1
            }
        }
        waiting.sort { $0.place.order < $1.place.order }
        let there = core?.waiting.map { number($0.message) } ?? []
        guard there.elementsEqual(waiting.lazy.map(\.number)) else {
            throw Violation("\(name) has \(there), not \(waiting.map(\.number))")
        }
        guard let core else { return }
        guard core.bytes == core.waiting.reduce(0, { $0 + $1.message.body.count }) else {
            throw Violation("\(name) counts \(core.bytes) bytes")
        }
        let isReturned = waiting.contains { $0.place.deliveries > 0 }
        guard isReturned || core.waiting.count <= max(1, core.options.limit) else {
            throw Violation("\(core.waiting.count) wait in \(name), which takes \(core.options.limit)")
        }
        if let first = core.waiting.first, let idle = core.consumers.first(where: { $0.inHand < $0.prefetch }) {
            throw Violation("\(number(first.message)) waits in \(name), and \(idle.recipient) has room")
        }
        if let first = firstParked {
            let isFull =
                core.waiting.count >= core.options.limit || core.bytes + first.place.bytes > core.options.byteLimit
            guard isFull, !core.waiting.isEmpty else {
                throw Violation("\(first.number) waits for room in \(name), which has some")
            }
        }
        guard core.inHand == held else { throw Violation("\(core.inHand) of \(name) are in hand, not \(held)") }
        for consumer in core.consumers {
            let own = consumers.first { $0.recipient == consumer.recipient }?.held.count ?? -1
            guard consumer.inHand == own else {
                throw Violation("\(consumer.recipient) holds \(consumer.inHand), not \(own)")
            }
        }
    }
}
