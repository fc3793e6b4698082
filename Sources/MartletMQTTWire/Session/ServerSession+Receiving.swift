extension ServerSession {
    /// Takes a packet of the client, other than its first.
    package mutating func receive(_ packet: Packet, now: Duration, _ actions: inout [SessionAction]) {
        guard link != nil else { return }
        link?.lastHeard = now
        switch packet {
        case .publish(let publish): receive(publish, now: now, &actions)
        case .puback(let answer): settle(inFlight.acknowledge(answer.packetID), answer, now: now, &actions)
        case .pubrec(let answer):
            settle(
                inFlight.receive(answer.packetID, isError: answer.reason.isError),
                answer,
                isReceipt: true,
                now: now,
                &actions
            )
        case .pubcomp(let answer): settle(inFlight.complete(answer.packetID), answer, now: now, &actions)
        case .pubrel(let answer): release(answer.packetID, &actions)
        case .subscribe(let subscribe):
            link?.isRecovering = false
            let answer = Suback(subscribe.packetID, subscribe.entries.map { _ in .success })
            guard takes(.suback(answer), now: now, &actions) else { return }
            actions.append(.subscribe(subscribe))
        case .unsubscribe(let unsubscribe):
            link?.isRecovering = false
            let answer = Unsuback(unsubscribe.packetID, unsubscribe.filters.map { _ in .success })
            guard takes(.unsuback(answer), now: now, &actions) else { return }
            actions.append(.unsubscribe(unsubscribe))
        case .pingreq: send(.pingresp, &actions)
        case .disconnect(let disconnect): self.disconnect(disconnect, now: now, &actions)
        case .auth(let auth): receive(auth, now: now, &actions)
        case .connect, .connack, .suback, .unsuback, .pingresp:
            cut(.protocolError, "it is of a kind that a client does not send here", now: now, &actions)
        }
    }

    /// Whether the host has stopped reading from the client, as often as it says so: meanwhile its silence means nothing.
    package mutating func hold(_ isHeld: Bool, now: Duration) {
        link?.holds += isHeld ? 1 : -1
        link?.lastHeard = now
    }

    /// What came could not be read.
    package mutating func receive(_ fault: WireFault, now: Duration, _ actions: inout [SessionAction]) {
        cut(fault.reason, fault.text, now: now, &actions)
    }

    // MARK: Messages of the client

    private mutating func receive(_ publish: Publish, now: Duration, _ actions: inout [SessionAction]) {
        guard let publish = resolve(publish, now: now, &actions) else { return }
        guard TextRules.levels(of: publish.topic) <= limits.levels else {
            return refuse(publish, .topicNameInvalid, now: now, &actions)
        }
        let earlier = publish.qos == .atMostOnce ? nil : received[publish.packetID]
        if publish.qos == .exactlyOnce {
            if let earlier, earlier.mayBe(ContentMark(publish)) {
                // It has been published. However often it comes, it is answered, and nothing more is kept of it.
                return send(.pubrec(Acknowledgement(publish.packetID)), &actions)
            }
            // Before MQTT 5 a client can't be told how many it may have on their way.
            if earlier == nil, received.count >= limits.receiveMaximum, link?.version == .v5 {
                counts.overrun += 1
                if limits.strictness == .strict { return cut(.receiveMaximumExceeded, now: now, &actions) }
            }
        }
        // A client that says something else under an identifier that it has not released has lost its memory, and begins to count
        // anew: a machine without power, a bridge whose files were removed. MQTT forbids it to (2.2.1), and says of duplicates alone
        // that they go no further (4.3.3). To take another message for one would lose it, and the broker would answer that it has it.
        if earlier != nil {
            received[publish.packetID] = nil
            note(.completed(publish.packetID))
        }
        if publish.qos > .atMostOnce, !publish.isDuplicate { link?.isRecovering = false }
        actions.append(.publish(publish))
    }

    /// The message with its topic, where that was an alias for one.
    private mutating func resolve(
        _ publish: Publish,
        now: Duration,
        _ actions: inout [SessionAction]
    ) -> Publish? {
        guard let number = publish.properties.number(.topicAlias) else { return publish }
        guard number <= limits.topicAliases else {
            cut(.topicAliasInvalid, now: now, &actions)
            return nil
        }
        var publish = publish
        publish.properties.remove(.topicAlias)
        let alias = UInt16(truncatingIfNeeded: number)
        if publish.topic.isEmpty {
            guard let topic = link?.aliases[alias] else {
                cut(.protocolError, "its alias stands for no topic", now: now, &actions)
                return nil
            }
            publish.topic = topic
        } else {
            link?.aliases[alias] = publish.topic
        }
        return publish
    }

    /// Does not publish a message, and says why where that can be said; otherwise the connection ends.
    package mutating func refuse(
        _ publish: Publish,
        _ reason: ReasonCode,
        now: Duration,
        _ actions: inout [SessionAction]
    ) {
        guard link?.version == .v5, publish.qos > .atMostOnce else { return cut(reason, now: now, &actions) }
        published(publish, as: reason, &actions)
    }

    /// What came of a message that the client has published.
    ///
    /// Before MQTT 5 a refusal can't be told: the message is acknowledged, and not sent again (3.1.1, 3.3.5).
    package mutating func published(_ publish: Publish, as reason: ReasonCode, _ actions: inout [SessionAction]) {
        let told = link?.version ?? .v5 == .v5 ? reason : .success
        // Its own message may have cut the client off, where that was one too many for it. It was published all the same, and is
        // not to be published again when the client is back.
        if publish.qos == .exactlyOnce, !told.isError, received[publish.packetID] == nil {
            let mark = ContentMark(publish)
            received[publish.packetID] = mark
            note(.received(publish.packetID, mark))
        }
        switch publish.qos {
        case .atMostOnce: break
        case .atLeastOnce: send(.puback(Acknowledgement(publish.packetID, told)), &actions)
        case .exactlyOnce: send(.pubrec(Acknowledgement(publish.packetID, told)), &actions)
        }
    }

    private mutating func release(_ id: UInt16, _ actions: inout [SessionAction]) {
        let isKnown = received.removeValue(forKey: id) != nil
        if isKnown { note(.completed(id)) }
        // A client that is back says again what it does not know to have arrived.
        let isFine = isKnown || link?.isRecovering == true || link?.version != .v5
        send(.pubcomp(Acknowledgement(id, isFine ? .success : .packetIdentifierNotFound)), &actions)
    }

    // MARK: Answers to messages for the client

    private mutating func settle(
        _ outcome: InFlightMessages.Outcome,
        _ answer: Acknowledgement,
        isReceipt: Bool = false,
        now: Duration,
        _ actions: inout [SessionAction]
    ) {
        switch outcome {
        case .done(let delivery):
            note(.acknowledged(answer.packetID))
            if let delivery { actions.append(.settle(delivery, answer.reason.isError ? .rejected : .accepted)) }
            drain(now: now, &actions)
        case .release(let delivery):
            note(.released(answer.packetID))
            if let delivery { actions.append(.settle(delivery, .accepted)) }
            send(.pubrel(Acknowledgement(answer.packetID)), &actions)
        case .unknown:
            guard isReceipt, !answer.reason.isError else { return }
            let reason = link?.version == .v5 ? ReasonCode.packetIdentifierNotFound : .success
            send(.pubrel(Acknowledgement(answer.packetID, reason)), &actions)
        case .wrongQuality:
            cut(.protocolError, "it answers a message otherwise than its quality of service has it", now: now, &actions)
        }
    }

    // MARK: Subscriptions

    /// Whether the client takes an answer of that length, a reason for each filter. One that does not is cut off before anything
    /// is done: it would never know what it has (MQTT 5, 3.1.2-24).
    private mutating func takes(_ answer: Packet, now: Duration, _ actions: inout [SessionAction]) -> Bool {
        if fits(answer) { return true }
        cut(.packetTooLarge, "the answer for so many filters is longer than it takes", now: now, &actions)
        return false
    }

    /// The subscriptions of a SUBSCRIBE hold, as far as they were granted.
    package mutating func subscribed(
        _ subscribe: SubscribeRequest,
        _ reasons: [ReasonCode],
        _ actions: inout [SessionAction]
    ) {
        send(.suback(Suback(subscribe.packetID, reasons)), &actions)
    }

    package mutating func unsubscribed(
        _ unsubscribe: UnsubscribeRequest,
        _ reasons: [ReasonCode],
        _ actions: inout [SessionAction]
    ) {
        send(.unsuback(Unsuback(unsubscribe.packetID, reasons)), &actions)
    }
}
