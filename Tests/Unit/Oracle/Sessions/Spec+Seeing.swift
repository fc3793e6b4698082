import MartletMQTTWire

/// What the broker writes to its clients.
extension Spec {
    func see(_ packet: Packet, to number: Int, now: Duration) throws {
        guard let link = links[number], !link.isClosed else { throw Violation("\(packet.kind) on no link") }
        let session = link.session
        func wrong(_ text: String) -> Violation { Violation("\(session.clientID), link \(number): \(text)") }
        guard link.wasAnswered == (packet.kind != .connack) else { throw wrong("CONNACK is the first and comes once") }
        switch packet {
        case .connack(let connack):
            links[number]?.wasAnswered = true
            guard connack.sessionPresent == link.isPresent else {
                throw wrong("the session is said to be \(connack.sessionPresent ? "there" : "new")")
            }
        case .publish(let publish): try see(publish, number, link, now)
        case .puback(let answer): try answered(.puback, answer.packetID, number)
        case .pubrec(let answer): try answered(.pubrec, answer.packetID, number)
        case .pubcomp(let answer): try answered(.pubcomp, answer.packetID, number)
        case .suback(let answer): try answered(.suback, answer.packetID, number)
        case .unsuback(let answer): try answered(.unsuback, answer.packetID, number)
        case .pingresp: try answered(.pingresp, 0, number)
        case .pubrel(let answer): try answered(.pubrel, answer.packetID, number)
        case .disconnect(let disconnect):
            guard link.mayTell, link.version == .v5 else { throw wrong("it is cut off: \(disconnect.reason)") }
        default: throw wrong("a broker does not send \(packet.kind)")
        }
    }

    /// Answers of one kind come in the order of what they answer.
    private func answered(_ kind: PacketKind, _ id: UInt16, _ number: Int) throws {
        guard let index = links[number]?.answers.firstIndex(where: { $0.kind == kind }),
            links[number]?.answers[index].id == id
        else {
            throw Violation("link \(number): \(kind) \(id), due are \(links[number]?.answers ?? [])")
        }
        links[number]?.answers.remove(at: index)
    }

    private func see(_ publish: Publish, _ number: Int, _ link: Link, _ now: Duration) throws {
        let session = link.session
        var publish = publish
        if let alias = publish.properties.number(.topicAlias).map({ UInt16($0) }) {
            if publish.topic.isEmpty { publish.topic = link.aliases[alias] ?? "" }
            links[number]?.aliases[alias] = publish.topic
        }
        // Made for whoever reads it: most have nothing to say.
        func text() -> String { "\(session.clientID), link \(number): \(publish.summary)" }
        if publish.isDuplicate {
            try seeAgain(publish, session, number, text)
        } else {
            let owed = try take(publish, link, text, now)
            try checkExpiry(publish, owed, link, text, now)
            guard publish.qos > .atMostOnce else { return }
            guard !session.underWay.contains(where: { $0.id == publish.packetID }) else {
                throw Violation("\(text()): its identifier is in use")
            }
            guard
                !session.underWay.contains(where: {
                    $0.link != number && !$0.isReleased && $0.owed.message.topic == publish.topic
                        && $0.owed.qos == publish.qos
                })
            else { throw Violation("\(text()): an earlier one has not been sent again") }
            session.underWay.append(UnderWay(owed: owed, id: publish.packetID, link: number))
        }
        guard session.underWay.count(where: { $0.link == number }) <= link.window else {
            throw Violation("\(text()): the client takes \(link.window) at a time")
        }
    }

    /// A message that was sent by an earlier link.
    private func seeAgain(_ publish: Publish, _ session: Session, _ number: Int, _ text: () -> String) throws {
        guard let index = session.underWay.firstIndex(where: { $0.id == publish.packetID }) else {
            throw Violation("\(text()): it was not sent before")
        }
        let before = session.underWay[index]
        guard !before.isReleased else { throw Violation("\(text()): the client has it") }
        guard before.link != number else { throw Violation("\(text()): sent twice by one link") }
        guard before.owed.message.payload == publish.payload, before.owed.message.topic == publish.topic,
            before.owed.qos == publish.qos
        else { throw Violation("\(text()): another message before") }
        guard !session.underWay[..<index].contains(where: { $0.link != number && !$0.isReleased }) else {
            throw Violation("\(text()): it was not the first")
        }
        session.underWay[index].link = number
    }

    /// Finds out why a message is sent.
    private func take(
        _ publish: Publish,
        _ link: Link,
        _ text: () -> String,
        _ now: Duration
    ) throws -> Owed {
        let session = link.session
        func fits(_ owed: Owed) -> Bool {
            owed.message.payload == publish.payload && owed.message.topic == publish.topic && owed.qos == publish.qos
                && owed.retain == publish.retain
                && (link.version < .v5 || owed.identifiers == publish.properties.subscriptionIdentifiers.sorted())
                && Self.tells(publish, expiryOf: owed, link, now)
        }
        // What is alike and was published meanwhile may have found no room, or comes later.
        let alike = mayDrop ? session.waiting.firstIndex(where: fits) : nil
        if mayDrop, let owed = takeKept(publish, session, fits, onlyDue: true, isCertain: alike == nil) {
            if let alike { session.waiting[alike].isOptional = true }
            return owed
        }
        if let index = session.waiting.firstIndex(where: fits) {
            let owed = session.waiting.remove(at: index)
            // What was to come before is not sent any more: it has expired, nobody asks for it, or it found no room.
            let earlier = session.waiting[..<index].filter {
                $0.message.topic == publish.topic && $0.qos == publish.qos
            }
            guard let lost = earlier.first(where: { !$0.isOptional && !$0.isExpired(now) }) else { return owed }
            guard mayDrop else { throw Violation("\(text()): before \(lost.summary)") }
            drop(session) { place, waiting in
                place < index && waiting.message.topic == publish.topic && waiting.qos == publish.qos
            }
            return owed
        }
        if let owed = takeKept(publish, session, fits, onlyDue: false, isCertain: true) { return owed }
        if let owed = takeShared(by: Shared.Taker(session: session.number, at: now, fits: fits)) { return owed }
        throw Violation("\(text()): it is not owed; owed are \(session.waiting.map(\.summary))")
    }

    /// Finds a shared message for what a session gets. By which of its shares that has come is not said: if all that fit are
    /// taken, one of those who took them may have got his by another share.
    private func takeShared(by taker: Shared.Taker) -> Owed? {
        var tried: Set<Int> = []
        func take(_ taker: Shared.Taker) -> Owed? {
            // Those that somebody has to get come first.
            let order = [false, true].flatMap { isOptional in
                shared.indices.filter { shared[$0].isOptional == isOptional }
            }
            for index in order where !tried.contains(index) && shared[index].publishedAt <= taker.at {
                guard let owed = shared[index].members[taker.session], taker.fits(owed), !owed.isExpired(taker.at)
                else {
                    continue
                }
                tried.insert(index)
                if let other = shared[index].taker, take(other) == nil { continue }
                shared[index].taker = taker
                return owed
            }
            return nil
        }
        return take(taker)
    }

    /// Messages found no room.
    private func drop(_ session: Session, where condition: (Int, Owed) -> Bool) {
        let kept = session.waiting.enumerated().filter { !condition($0.offset, $0.element) }.map(\.element)
        session.dropped += session.waiting.count - kept.count
        session.waiting = kept
    }

    /// Finds a message that is kept for what a session gets. Of two that are alike it is the one that has to come.
    private func takeKept(
        _ publish: Publish,
        _ session: Session,
        _ fits: (Owed) -> Bool,
        onlyDue: Bool,
        isCertain: Bool
    ) -> Owed? {
        guard publish.retain else { return nil }
        let fitting = session.owesKept.indices.flatMap { index in
            keptFor(session.owesKept[index], session).filter(fits).map { (index, $0) }
        }
        let due = fitting.first { !session.owesKept[$0.0].isOptional }
        guard let (index, owed) = onlyDue ? due : due ?? fitting.first else { return nil }
        // If it may have been another that is alike, what is kept may come yet.
        if isCertain {
            session.owesKept.remove(at: index)
        } else {
            (session.owesKept[index].first, session.owesKept[index].isOptional) = (nil, true)
        }
        return owed
    }

    func keptFor(_ owes: OwesKept, _ session: Session) -> [Owed] {
        let now = session.subscriptions[owes.filter].flatMap { subscription in
            kept[owes.topic].map { Owed(kept: $0, subscription) }
        }
        return [now, owes.first, owes.before].compactMap { $0 }
    }

    private func checkExpiry(
        _ publish: Publish,
        _ owed: Owed,
        _ link: Link,
        _ text: () -> String,
        _ now: Duration
    ) throws {
        guard !owed.isExpired(now) else { throw Violation("\(text()): it has expired") }
        guard Self.tells(publish, expiryOf: owed, link, now) else {
            throw Violation("\(text()): it expires at \(owed.message.expiresAt.map { "\($0)" } ?? "no time")")
        }
    }

    /// Whether a message tells when another expires: of two that are alike but for that, it is the one.
    private static func tells(_ publish: Publish, expiryOf owed: Owed, _ link: Link, _ now: Duration) -> Bool {
        guard link.version == .v5 else { return true }
        let left = owed.message.expiresAt.map { $0 - now }
        let told = publish.properties.number(.messageExpiryInterval).map { Duration.seconds(Int($0)) }
        switch (left, told) {
        case (nil, nil): return true
        case (let left?, let told?): return told >= left && told < left + .seconds(1)
        default: return false
        }
    }

    /// The broker closes a link, before anything else that it has done is looked at.
    func close(_ number: Int, now: Duration) {
        guard let link = links[number], !link.mustClose, mayCut else { return }
        links[number]?.mustClose = true
        links[number]?.mayTell = true
        // It may have been cut off before the broker took the subscriptions of this moment: then its will is not for them.
        let (known, knownShared) = (sessions.mapValues(\.waiting.count), shared.count)
        leave(link.session, now)
        for session in sessions.values where session.subscribedAt == now {
            for place in session.waiting.indices.dropFirst(known[session.clientID] ?? 0) {
                session.waiting[place].isOptional = true
            }
        }
        let late = Set(sessions.values.filter { $0.subscribedAt == now }.map(\.number))
        for place in shared.indices.dropFirst(knownShared) where !late.isDisjoint(with: shared[place].members.keys) {
            shared[place].isOptional = true
        }
    }

    // MARK: After a step

    /// What no more packets would change is as it is to be.
    func rest(now: Duration) throws {
        for session in sessions.values {
            session.waiting.removeAll { owed in
                owed.isExpired(now) || (owed.qos == .atMostOnce && owed.link != session.link)
            }
            session.owesKept.removeAll {
                session.subscriptions[$0.filter] == nil || ($0.first != nil && $0.isOptional)
            }
            for (place, owes) in session.owesKept.enumerated() {
                // Another message may be kept there by the time that this one would come.
                (session.owesKept[place].first, session.owesKept[place].before) = (nil, nil)
                guard let owed = keptFor(session.owesKept[place], session).first, !owed.isExpired(now) else {
                    session.owesKept[place].isOptional = true
                    continue
                }
                if owes.link != session.link, owed.qos == .atMostOnce { session.owesKept[place].isOptional = true }
            }
        }
        shared.removeAll { $0.taker == nil && $0.members.values.first?.isExpired(now) ?? true }
        for (number, link) in links {
            func text() -> String { "\(link.session.clientID), link \(number)" }
            guard link.isClosed == link.mustClose else {
                throw Violation("\(text()): it is \(link.isClosed ? "closed" : "to be closed")")
            }
            guard link.answers.isEmpty || link.mustClose else {
                throw Violation("\(text()): no answer \(link.answers)")
            }
            guard !link.isClosed, link.session.link == number else {
                links[number] = nil
                continue
            }
            guard link.wasAnswered else { throw Violation("\(text()): no CONNACK") }
            try checkProgress(link, number, text)
        }
    }

    /// What can be sent is sent.
    private func checkProgress(_ link: Link, _ number: Int, _ text: () -> String) throws {
        guard link.stuckSince == nil else { return }
        let session = link.session
        let hasRoom = session.underWay.count(where: { $0.link == number }) < link.window
        if mayDrop { drop(session) { !$1.isOptional && ($1.qos == .atMostOnce || hasRoom) } }
        let due = session.waiting.filter { !$0.isOptional }
        if let first = due.first(where: { $0.qos == .atMostOnce }) {
            throw Violation("\(text()): \(first.summary) waits")
        }
        guard hasRoom else { return }
        if let first = due.first { throw Violation("\(text()): \(first.summary) waits, and there is room") }
        if let old = session.underWay.first(where: { $0.link != number && !$0.isReleased }) {
            throw Violation("\(text()): \(old.id) is not sent again, and there is room")
        }
        if let first = session.owesKept.first(where: { !$0.isOptional }) {
            throw Violation("\(text()): what is kept for \(first.topic) does not come")
        }
    }

    /// Finds somebody who may have got a shared message among those who seem to have got others that are like it, and need not
    /// have: a member that was chosen for those has gone since.
    private func claim(_ index: Int, _ tried: inout Set<Int>) -> Bool {
        for other in shared.indices where other != index && !tried.contains(other) {
            guard let taker = shared[other].taker, shared[index].publishedAt <= taker.at,
                let owed = shared[index].members[taker.session], taker.fits(owed), !owed.isExpired(taker.at)
            else { continue }
            tried.insert(other)
            if shared[other].isOptional { shared[other].taker = nil } else if !claim(other, &tried) { continue }
            shared[index].taker = taker
            return true
        }
        return false
    }

    /// Nothing is owed to anybody.
    func end() throws {
        for session in sessions.values {
            guard session.waiting.allSatisfy(\.isOptional), session.underWay.isEmpty, session.received.isEmpty else {
                throw Violation(
                    """
                    \(session.clientID) is owed \(session.waiting.map(\.summary)), \(session.underWay.map(\.id)) are \
                    under way, \(session.received) came
                    """
                )
            }
        }
        for index in shared.indices where !shared[index].isOptional && shared[index].taker == nil {
            var tried: Set<Int> = [index]
            if claim(index, &tried) { continue }
            let lost = shared[index]
            throw Violation(
                "nobody of \(lost.share) got \(lost.members.values.first?.summary ?? ""), published at \(lost.publishedAt)"
            )
        }
    }
}

extension Publish {
    var summary: String {
        "\(topic) '\(String(decoding: payload.prefix(12), as: UTF8.self))' of QoS \(qos.rawValue)"
            + (retain ? ", retained" : "") + (isDuplicate ? ", again" : "") + (packetID > 0 ? " as \(packetID)" : "")
            + (properties.isEmpty ? "" : ", \(properties.all.map { "\($0.id) \($0.value)" })")
    }
}

extension Spec.Owed {
    var summary: String {
        "\(message.topic) '\(String(decoding: message.payload.prefix(12), as: UTF8.self))' of QoS \(qos.rawValue)"
            + (retain ? ", retained" : "") + (identifiers.isEmpty ? "" : " for \(identifiers)")
    }
}
