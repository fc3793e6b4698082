import Martlet
import MartletTransport

/// What was told about deliveries, on its way to the server.
extension Consumers {
    /// How many acknowledgements are told in one go.
    private static let maximumTogether = 64
    /// How many bytes of elements one command gives back, but for one element that has more.
    private static let largestReturn = 4 << 20

    /// Tells the server what was told here.
    func settle(_ session: isolated RedisSession) {
        let told = session.intake.settlements.takeAll()
        // First of all: what they let go is not to come back to them.
        let leaving = told.left.filter { beginToLeave($0, session) }
        settle(told.settled, session)
        for number in leaving { disconnect(number, session) }
    }

    func settle(_ entries: [SettledDelivery], _ session: isolated RedisSession) {
        guard !entries.isEmpty else { return }
        var acknowledged: [Int: [[UInt8]]] = [:]
        var returned: [Int: [ReturningElement]] = [:]
        for entry in entries {
            guard let consumer = self[entry.consumer], let (bytes, place) = consumer.release(entry.tag) else {
                continue
            }
            switch entry.disposition {
            case .ack: acknowledged[entry.consumer, default: []].append(bytes)
            case .reject: bury(QueueElement(bytes, session.runtime.wire), consumer, "rejected", session)
            case .requeue:
                let back = QueueElement(bytes, session.runtime.wire).givenBack
                returned[entry.consumer, default: []].append(ReturningElement(tag: place, held: bytes, back: back))
            }
        }
        for (number, elements) in returned {
            guard let consumer = self[number] else { continue }
            if consumer.isLeaving {
                giveBackTogether(elements, of: consumer, session)
            } else {
                giveBack(elements, of: consumer, session)
            }
        }
        for (number, elements) in acknowledged {
            if let consumer = self[number] { acknowledge(elements, of: consumer, session) }
        }
        session.commands.flush(session)
        for number in Set(entries.map(\.consumer)) {
            giveBackIfComplete(number, session)
            refill(number, session)
            forgetIfDone(number, session)
        }
    }

    func acknowledge(_ elements: [[UInt8]], of consumer: Consumer, _ session: isolated RedisSession) {
        var rest = elements[...]
        while !rest.isEmpty {
            let steps = rest.prefix(Self.maximumTogether).map { removal(of: $0, consumer) }
            settling.tell(steps, of: consumer, session)
            rest = rest.dropFirst(Self.maximumTogether)
        }
    }

    /// Its room is free at once.
    func removal(of element: [UInt8], _ consumer: Consumer, room: Int = 0) -> SettlingStep {
        SettlingStep(
            command: [Command.lrem, consumer.list, Command.first, element],
            slot: consumer.keys.slot,
            elements: [element],
            room: room,
            tellsOfLoss: true
        )
    }

    /// A message is never to be delivered again.
    func bury(
        _ element: QueueElement,
        _ consumer: Consumer,
        _ reason: String,
        _ session: isolated RedisSession
    ) {
        let (keys, bytes) = (consumer.keys, element.bytes)
        guard let suffix = session.options.deadLetterSuffix else {
            return settling.tell([removal(of: bytes, consumer)], of: consumer, session)
        }
        let letters = keys.deadLetters(suffix)
        let letter = element.deadLetter(reason, keys.queue)
        let step =
            if isTogether(letters, keys, session) {
                SettlingStep(
                    command: session.script(Scripts.bury, keys: [letters, consumer.list], [bytes, letter]),
                    slot: keys.slot,
                    elements: [bytes],
                    room: 1,
                    tellsOfLoss: true
                )
            } else {
                // On another node of a cluster: it may become two letters, and is never lost.
                SettlingStep(
                    command: [Command.rpush, letters, letter],
                    slot: ClusterSlot.slot(of: letters),
                    elements: [bytes],
                    room: 1,
                    next: [removal(of: bytes, consumer, room: 1)]
                )
            }
        settling.tell([step], of: consumer, session)
    }

    /// Something of a consumer's was settled.
    func settled(_ consumer: Consumer, _ session: isolated RedisSession) {
        refill(consumer.number, session)
        forgetIfDone(consumer.number, session)
    }

    /// Gives elements back at once, lest somebody takes a later one before an earlier one is there.
    func giveBack(
        _ elements: [ReturningElement],
        of consumer: Consumer,
        _ session: isolated RedisSession
    ) {
        guard !elements.isEmpty else { return }
        let sorted = elements.sorted { $0.tag > $1.tag }
        let places = sorted.map { consumer.giveBack($0.back, tag: $0.tag) }
        let size = sorted.reduce(0) { $0 + $1.held.count + $1.back.count }
        let step =
            if size <= Self.largestReturn || sorted.count == 1 {
                inOrder(sorted, places, consumer, session)
            } else {
                collected(sorted[...], behind: places[places.count - 1], room: sorted.count, consumer, session)
            }
        settling.tell([step], of: consumer, session)
    }

    func inOrder(
        _ elements: [ReturningElement],
        _ places: [(after: [UInt8], depth: Int)],
        _ consumer: Consumer,
        _ session: isolated RedisSession
    ) -> SettlingStep {
        var arguments: [[UInt8]] = []
        for (element, place) in zip(elements, places) {
            arguments += [element.held, element.back, place.after, Array(String(place.depth).utf8)]
        }
        return SettlingStep(
            command: session.script(Scripts.giveBackInOrder, keys: [consumer.keys.list, consumer.list], arguments),
            slot: consumer.keys.slot,
            elements: elements.map(\.held),
            room: elements.count
        )
    }

    /// What is too much for one command is collected first, the latest first, and then goes back at once.
    func collected(
        _ elements: ArraySlice<ReturningElement>,
        behind place: (after: [UInt8], depth: Int),
        room: Int,
        _ consumer: Consumer,
        _ session: isolated RedisSession
    ) -> SettlingStep {
        let (keys, collecting) = (consumer.keys, consumer.keys.returning(from: consumer.id))
        guard !elements.isEmpty else {
            let arguments = [place.after, Array(String(place.depth).utf8)]
            return SettlingStep(
                command: session.script(Scripts.giveBackBehind, keys: [keys.list, collecting], arguments),
                slot: keys.slot,
                elements: [],
                room: room
            )
        }
        var (count, size) = (0, 0)
        for element in elements {
            size += element.held.count
            guard count == 0 || size <= Self.portion else { break }
            count += 1
        }
        let some = elements.prefix(count)
        return SettlingStep(
            command: session.script(
                Scripts.collect,
                keys: [collecting, consumer.list],
                some.reversed().flatMap { [$0.held, $0.back] }
            ),
            slot: keys.slot,
            elements: some.map(\.held),
            room: room,
            next: [collected(elements.dropFirst(count), behind: place, room: room, consumer, session)]
        )
    }
}
