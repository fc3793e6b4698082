import MartletMQTTWire

/// What the broker takes from its clients.
extension Spec {
    func hear(_ packet: Packet, from number: Int, now: Duration) throws {
        settle(now)
        guard let session = links[number]?.session, session.link == number else { return }
        links[number]?.lastHeard = now
        switch packet {
        case .publish(let publish): try hear(publish, session, number, now)
        case .puback(let answer): session.underWay.removeAll { $0.id == answer.packetID }
        case .pubcomp(let answer): session.underWay.removeAll { $0.id == answer.packetID }
        case .pubrec(let answer):
            guard let index = session.underWay.firstIndex(where: { $0.id == answer.packetID }) else {
                throw Violation("\(session.clientID) acknowledges \(answer.packetID), which it was not sent")
            }
            session.underWay[index].isReleased = true
            owe(.pubrel, answer.packetID, number)
        case .pubrel(let answer):
            session.received.remove(answer.packetID)
            owe(.pubcomp, answer.packetID, number)
        case .subscribe(let request):
            subscribe(request, session, now)
            owe(.suback, request.packetID, number)
        case .unsubscribe(let request):
            unsubscribe(request, session)
            owe(.unsuback, request.packetID, number)
        case .pingreq: owe(.pingresp, 0, number)
        case .disconnect(let disconnect):
            if disconnect.reason == .success { session.will = nil }
            if let seconds = disconnect.properties.number(.sessionExpiryInterval), session.mayChangeExpiry {
                session.expiry = min(.seconds(Int(seconds)), limits.sessionExpiry)
            }
            links[number]?.mustClose = true
            lose(number, now: now)
        default: throw Violation("a client does not send \(packet.kind)")
        }
    }

    private func hear(_ publish: Publish, _ session: Session, _ number: Int, _ now: Duration) throws {
        var publish = publish
        if let alias = publish.properties.number(.topicAlias) {
            if publish.topic.isEmpty {
                publish.topic = links[number]?.ownAliases[alias] ?? ""
            } else {
                links[number]?.ownAliases[alias] = publish.topic
            }
        }
        switch publish.qos {
        case .atMostOnce: break
        case .atLeastOnce: owe(.puback, publish.packetID, number)
        case .exactlyOnce:
            owe(.pubrec, publish.packetID, number)
            guard session.received.insert(publish.packetID).inserted else { return }
        }
        self.publish(publish, of: session, now)
    }

    private func owe(_ kind: PacketKind, _ id: UInt16, _ number: Int) {
        links[number]?.answers.append(Answer(kind: kind, id: id))
    }

    func setWritable(_ isWritable: Bool, _ number: Int, now: Duration) {
        settle(now)
        guard let session = links[number]?.session, session.link == number else { return }
        let since = links[number]?.stuckSince ?? now
        links[number]?.stuckSince = isWritable ? nil : since
    }
}
