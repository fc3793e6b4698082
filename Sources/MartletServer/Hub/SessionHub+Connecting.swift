import Martlet
import MartletMQTTWire
import Synchronization

extension SessionHub {
    /// What is wrong with a CONNECT that could be read, before anybody is asked who its client is.
    func problem(with connect: Connect) -> ReasonCode? {
        if connect.clientID.isEmpty, connect.version < .v5, !connect.cleanStart || connect.version == .v31 {
            return .clientIdentifierNotValid
        }
        if connect.clientID.utf8.count > limits.clientIDBytes { return .clientIdentifierNotValid }
        if let will = connect.will, TextRules.levels(of: will.topic) > limits.topicLevels { return .topicNameInvalid }
        return nil
    }

    /// Lets a client in whose credentials were found to be right: it takes up its session, or gets a new one.
    ///
    /// - Parameter permissions: what a client of an identifier and a user may do.
    /// - Returns: why it is not let in; then nothing has changed for the session that it named.
    func connect(
        _ connect: Connect,
        _ admission: Door.Admission,
        by connection: ClientConnection,
        permissions: (_ clientID: String, _ user: String?) -> Permissions
    ) -> ReasonCode? {
        var reason: ReasonCode?
        act(of: connection) { state, now in
            // Timers may be late: a session that is over is not gone on with, and a will that is due is published.
            self.settleDue(now: now, &state)
            reason = self.connect(connect, admission, by: connection, permissions, now: now, &state)
            self.settle(&state)
        }
        return reason
    }

    private func connect(
        _ connect: Connect,
        _ admission: Door.Admission,
        by connection: ClientConnection,
        _ permissions: (_ clientID: String, _ user: String?) -> Permissions,
        now: Duration,
        _ broker: inout MemoryBroker.State
    ) -> ReasonCode? {
        let isNameless = connect.clientID.isEmpty
        let clientID = isNameless ? Self.makeClientID() : connect.clientID
        let key = Array(clientID.utf8)
        let refusal: ReasonCode? = state.withLock { hub in
            if hub.isClosing { return .serverUnavailable }
            return hub.places[key] == nil && hub.places.count >= limits.sessions ? .quotaExceeded : nil
        }
        if let refusal { return refusal }
        let client = self.broker.client(
            name: clientID,
            user: admission.user,
            address: connection.address,
            listener: connection.listener,
            certificateSubject: connection.certificate?.subject,
            protocolVersion: connect.version.title,
            &broker
        )
        guard self.broker.admits(client, &broker) else { return .notAuthorized }
        if let place = state.withLock({ $0.places[key] }) {
            state.withLock { hub in hub.act(at: place) { $0.takeOver(now: now, &$1) } }
            settle(&broker)
            if connect.cleanStart {
                state.withLock { hub in hub.act(at: place) { $0.end(now: now, &$1) } }
                settle(&broker)
            }
        }
        connection.setVersion(connect.version)
        // Asked now, the rules are those that hold, and the identifier is the one that the client has.
        let allowed = permissions(clientID, admission.user)
        if let place = state.withLock({ $0.places[key] }) {
            allow(allowed, at: place, &broker)
            // It was kept for somebody else.
            if !isOfUser(admission.user, place) { state.withLock { $0.dropForbidden(at: place) } }
            settle(&broker)
        }
        let entered: (number: Int, prefetch: Int)? = state.withLock { hub in
            let existing = hub.places[key]
            let place = existing ?? hub.makePlace()
            if existing == nil {
                hub.places[key] = place
                var session = ServerSession(clientID: clientID, limits: limits.session)
                session.recordsChanges = hub.journal != nil
                hub.seats[place] = Seat(
                    session: session,
                    number: client.id,
                    client: client,
                    permissions: allowed
                )
            }
            hub.connected[connection.number] = place
            hub.mostClients = max(hub.mostClients, hub.connected.count)
            hub.seats[place]?.connection = connection
            hub.seats[place]?.client = client
            hub.act(at: place) { session, actions in
                session.connect(
                    connect,
                    isResumed: existing != nil,
                    assignedID: isNameless,
                    authenticationData: admission.data,
                    for: admission.time,
                    now: now,
                    &actions
                )
            }
            return hub.seats[place].map { ($0.number, $0.session.window) }
        }
        if let entered { self.broker.enterSession(entered.number, client, prefetch: entered.prefetch, &broker) }
        return nil
    }

    /// A name for a client that has none: 80 bits that nobody can guess.
    private static func makeClientID() -> String {
        "auto-" + String(UInt64.random(in: .min ... .max), radix: 36)
            + String(UInt16.random(in: .min ... .max), radix: 36)
    }
}

extension ProtocolVersion {
    /// As people write it.
    fileprivate var title: String {
        switch self {
        case .v31: "MQTT 3.1"
        case .v311: "MQTT 3.1.1"
        case .v5: "MQTT 5"
        }
    }
}

extension SessionHub.State {
    /// Gives a session that is there again a place.
    mutating func add(_ seat: Seat) -> Int {
        let place = makePlace()
        places[Array(seat.session.clientID.utf8)] = place
        seats[place] = seat
        queuedBytes += seat.session.queuedBytes
        return place
    }

    /// A place that no session has.
    fileprivate mutating func makePlace() -> Int {
        if let place = free.popLast() { return place }
        seats.append(nil)
        return seats.count - 1
    }
}
