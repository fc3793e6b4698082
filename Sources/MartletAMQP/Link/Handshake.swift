import Martlet

/// How a client and a broker come to terms (AMQP 0-9-1, 2.2.4). A pure value.
struct Handshake {
    /// What both agreed on.
    struct Agreement: Sendable {
        var channelMax: UInt16
        var frameMax: Int
        /// `nil`: no heartbeats.
        var heartbeat: Duration?
        /// What the broker says of itself.
        var broker: AMQPTable
    }

    enum Step {
        case send([ClientMethod])
        /// Send this; frames may be as large as was agreed from then on.
        case tuned([ClientMethod], Agreement)
        case done(Agreement)
    }

    private enum State {
        case start
        case tune(AMQPTable)
        case open(Agreement)
        case done
    }

    private let options: AMQPOptions
    private let name: String
    private var state = State.start

    init(_ options: AMQPOptions, name: String) {
        self.options = options
        self.name = name
    }

    /// - Throws: `MessagingError.Code.refused` with the broker's reason.
    mutating func receive(_ method: ServerMethod) throws -> Step {
        switch (state, method) {
        case (.start, .start(let start)):
            let (mechanism, response) = try credentials(start.mechanisms)
            state = .tune(start.properties)
            return .send([.startOK(properties: properties, mechanism: mechanism, response: response)])
        case (.tune(let broker), .tune(let tune)):
            let agreement = agree(tune, broker)
            state = .open(agreement)
            return .tuned(
                [
                    .tuneOK(
                        channelMax: agreement.channelMax,
                        frameMax: UInt32(agreement.frameMax),
                        heartbeat: UInt16(clamping: agreement.heartbeat?.components.seconds ?? 0)
                    ),
                    .open(virtualHost: options.virtualHost),
                ],
                agreement
            )
        case (.open(let agreement), .openOK):
            state = .done
            return .done(agreement)
        case (.tune, .secure):
            throw MessagingError(.refused, "the broker wants more than a name and a password")
        case (_, .connectionClose(let close)):
            throw MessagingError(.refused, "the broker refused: \(close.text)", cause: AMQPReplyError(close))
        default:
            throw FrameParser.broken("something comes before the connection is open")
        }
    }

    /// Why the broker may have closed the socket without a word, as brokers do that are told a wrong password and do not
    /// know the capability by which they could say so.
    var silentEnd: String? {
        if case .tune = state { "it may have refused the name or the password" } else { nil }
    }

    private func credentials(_ offered: [String]) throws -> (mechanism: String, response: [UInt8]) {
        let (mechanism, response): (String, [UInt8]) =
            switch options.credentials {
            case .plain(let user, let password): ("PLAIN", [0] + Array(user.utf8) + [0] + Array(password.utf8))
            case .external: ("EXTERNAL", [])
            }
        guard offered.contains(mechanism) else {
            throw MessagingError(
                .refused,
                "the broker takes no credentials by \(mechanism), but by \(offered.prefix(8).joined(separator: ", "))"
            )
        }
        return (mechanism, response)
    }

    private func agree(_ tune: ServerMethod.Tune, _ broker: AMQPTable) -> Agreement {
        // Zero is no limit, on either side.
        func least(_ a: Int, _ b: Int) -> Int { a == 0 ? b : b == 0 ? a : min(a, b) }
        let channels = least(Int(tune.channelMax), options.maximumChannels)
        let frame = least(Int(clamping: tune.frameMax), options.maximumFrameSize)
        // A heartbeat is what the client says; none, if one side wants none.
        let wanted = options.heartbeat.components.seconds
        let heartbeat = wanted == 0 ? 0 : tune.heartbeat == 0 ? wanted : min(wanted, Int64(tune.heartbeat))
        return Agreement(
            channelMax: UInt16(clamping: channels == 0 ? 65_535 : channels),
            frameMax: min(max(frame, 4_096), 1 << 24),
            heartbeat: heartbeat == 0 ? nil : .seconds(heartbeat),
            broker: broker
        )
    }

    private var properties: AMQPTable {
        [
            "product": "Martlet",
            "version": .string(MartletVersion.current),
            "platform": "Swift",
            "connection_name": .string(name),
            "capabilities": .table([
                "publisher_confirms": true,
                "exchange_exchange_bindings": true,
                "basic.nack": true,
                "consumer_cancel_notify": true,
                "connection.blocked": true,
                "authentication_failure_close": true,
            ]),
        ]
    }
}
