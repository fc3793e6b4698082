/// How far an authentication by AUTH packets is (MQTT 5, 4.12): the one that CONNECT begins, or one on a connection that there is.
package struct Authentication: Sendable, Hashable {
    private enum Turn: Sendable, Hashable {
        /// Nothing is under way.
        case nobody
        case server
        case client
    }

    /// What CONNECT has named. Every AUTH names it again (4.12.0-5).
    package let method: String
    private var turn: Turn

    /// Of a CONNECT that names a method: its authentication is under way. `nil`: it names none.
    package init?(_ connect: Connect) {
        guard let method = connect.properties.text(.authenticationMethod) else { return nil }
        self.method = method
        turn = .server
    }

    /// Whether one is under way.
    package var isUnderWay: Bool { turn != .nobody }

    /// Takes an AUTH of the client's.
    ///
    /// - Returns: its data, to be answered by ``proceed(_:)`` or ``succeed(_:)``, or by the end of the connection.
    /// - Throws: what is wrong with it: it names another method, or comes when there is nothing to be said.
    package mutating func receive(_ auth: Auth) throws(WireFault) -> [UInt8] {
        guard auth.properties.text(.authenticationMethod).map({ $0.utf8.elementsEqual(method.utf8) }) ?? false else {
            throw .protocolError("its AUTH does not name the method of its CONNECT")
        }
        switch (auth.reason, turn) {
        case (.reauthenticate, .nobody), (.continueAuthentication, .client): turn = .server
        case (.reauthenticate, _): throw .protocolError("it begins an authentication while another is under way")
        default: throw .protocolError("it goes on with an authentication when it is not its turn")
        }
        return auth.properties.data(.authenticationData) ?? []
    }

    /// - Returns: the AUTH that asks the client for more.
    package mutating func proceed(_ data: [UInt8]) -> Auth {
        turn = .client
        return Auth(.continueAuthentication, properties: properties(data))
    }

    /// - Returns: the AUTH that says that all is well.
    package mutating func succeed(_ data: [UInt8]) -> Auth {
        turn = .nobody
        return Auth(.success, properties: properties(data))
    }

    /// What an AUTH or a CONNACK of it has: the method, and the data, unless there is none.
    private func properties(_ data: [UInt8]) -> PropertyList {
        var properties = PropertyList()
        properties.add(.authenticationMethod, method)
        if !data.isEmpty { properties.add(.authenticationData, data) }
        return properties
    }
}

/// What has come of what a client has said in an authentication.
package enum AuthenticationOutcome: Sendable, Hashable {
    /// The client is to say more.
    case proceed([UInt8])
    /// It is who it says. It may stay for a time; `nil`: for any.
    case succeeded([UInt8], for: Duration?)
    case failed
}

extension ServerSession {
    /// Takes an AUTH of the client's: it authenticates itself anew. Its data is for ``takeAuthenticationData()``.
    mutating func receive(_ auth: Auth, now: Duration, _ actions: inout [SessionAction]) {
        guard var authentication = link?.authentication else {
            return cut(.protocolError, "its CONNECT names no method of authentication", now: now, &actions)
        }
        do {
            link?.authenticationData = try authentication.receive(auth)
            link?.authentication = authentication
            if link?.authenticatesBy == nil { link?.authenticatesBy = now + limits.authenticationTimeout }
        } catch {
            receive(error, now: now, &actions)
        }
    }

    /// What the client has said in an authentication, once: the host decides about it, and says
    /// ``authenticated(_:now:_:)``. `nil`: nothing.
    package mutating func takeAuthenticationData() -> [UInt8]? { link?.authenticationData.take() }

    /// The host has decided about what the client has said.
    package mutating func authenticated(
        _ outcome: AuthenticationOutcome,
        now: Duration,
        _ actions: inout [SessionAction]
    ) {
        guard var authentication = link?.authentication, authentication.isUnderWay else { return }
        let answer: Auth
        switch outcome {
        case .proceed(let data): answer = authentication.proceed(data)
        case .succeeded(let data, let time):
            answer = authentication.succeed(data)
            link?.authenticatesBy = nil
            link?.endsAt = time.map { now + $0 }
        case .failed: return cut(.notAuthorized, "its authentication has failed", now: now, &actions)
        }
        link?.authentication = authentication
        // Without its data it would be worth nothing.
        guard fits(.auth(answer)) else { return cut(.packetTooLarge, now: now, &actions) }
        send(.auth(answer), &actions)
    }
}
