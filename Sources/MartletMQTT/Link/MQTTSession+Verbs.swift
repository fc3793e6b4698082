import Martlet
import MartletMQTTWire
import Synchronization

/// The verbs' messages as MQTT sends them. From any thread.
extension MQTTSession {
    nonisolated func beginPublishing(
        _ message: Message,
        to topic: TopicName,
        _ options: PublishOptions
    ) async throws -> Confirmation {
        try await begin(publication(message, onWire: wire(topic), options))
    }

    nonisolated func publish(_ message: Message, to topic: TopicName, _ options: PublishOptions) async throws {
        try await publish(message, onWire: wire(topic), options)
    }

    /// Publishes to a topic as it is on the wire.
    nonisolated func publish(_ message: Message, onWire topic: String, _ options: PublishOptions) async throws {
        _ = try await transmit(publication(message, onWire: topic, options))
    }

    /// Publishes many messages, with as many under way at once as the window allows.
    nonisolated func publishAll(
        _ messages: some Sequence<Message>,
        onWire topic: String,
        _ options: PublishOptions
    ) async throws {
        var confirmations: [Promise<PublishReason>] = []
        var timers: [Timers.ID] = []
        defer { for timer in timers { runtime.timers.cancel(timer) } }
        for message in messages {
            let outgoing = try publication(message, onWire: topic, options)
            guard let confirmation = outgoing.confirmation else {
                _ = try await transmit(outgoing)
                continue
            }
            if let timer = expire(outgoing) { timers.append(timer) }
            try await put(outgoing)
            confirmations.append(confirmation)
        }
        for confirmation in confirmations { _ = try await confirmation.value() }
    }

    private nonisolated func publication(
        _ message: Message,
        onWire topic: String,
        _ options: PublishOptions
    ) throws -> Outgoing {
        try check(message)
        if options.expiry != nil, self.options.version == .v311, options.guarantee == .atMostOnce {
            throw MessagingError(.unsupported, "messages of MQTT 3.1.1 do not expire; MQTT 5's do")
        }
        return try outgoing(
            message,
            runtime.wire.payload(of: message, self.options.version, format: options.format),
            to: topic,
            guarantee: options.guarantee,
            retain: options.retain,
            expiry: options.expiry
        )
    }

    nonisolated func send(_ message: Message, to queue: QueueName, _ options: SendOptions) async throws {
        try await beginSending(message, to: queue, options).wait()
    }

    nonisolated func beginSending(
        _ message: Message,
        to queue: QueueName,
        _ options: SendOptions
    ) async throws -> Confirmation {
        try check(message)
        if let address = message.headers.replyTo, let deafness = deafness.withLock(\.self), deafness.concerns(address) {
            throw deafness.error
        }
        let isRequest = message.headers.replyTo != nil
        // Who must know whether anyone is there needs the broker's answer.
        let guarantee = options.requiresConsumer ? max(options.guarantee, .atLeastOnce) : options.guarantee
        if options.requiresConsumer, self.options.version == .v311 {
            throw MessagingError(.unsupported, "MQTT 3.1.1 does not tell whether anyone consumes a queue; MQTT 5 does")
        }
        var headers = message.headers
        let payload: [UInt8]
        if isRequest {
            payload = try runtime.wire.call(message)
            headers = Headers()
        } else {
            payload = try runtime.wire.payload(of: message, self.options.version)
        }
        var outgoing = try outgoing(
            Message(headers: headers),
            payload,
            to: wire(queue),
            guarantee: guarantee,
            retain: false,
            expiry: options.expiry
        )
        if options.guarantee == .atMostOnce, guarantee != .atMostOnce {
            if [.connecting, .disconnected].contains(runtime.states.state) { throw MessagingError.offline }
            outgoing.endsWithLink = true
        }
        return try await begin(outgoing) { result in
            // The broker keeps no queue: without a consumer the message is gone, whatever was promised.
            if try result.get() == .noSubscribers { throw MessagingError(.noResponder, "nobody consumes \(queue)") }
        }
    }

    nonisolated func reply(_ message: Message, to address: String) async throws {
        try check(message)
        if let correlation = message.headers.native?.correlation {
            return try await reply(message, toTopic: Self.replyTopic(address), correlation)
        }
        _ = try await transmit(
            try outgoing(
                Message(),
                runtime.wire.call(message),
                to: Self.replyTopic(Self.topic(ofAddress: address)),
                guarantee: .atMostOnce,
                retain: false,
                expiry: nil
            )
        )
    }

    /// Answers a request that came without an envelope: as bare as that, to the topic that it names, with the same Correlation
    /// Data (MQTT 5, 4.10.1).
    private nonisolated func reply(_ message: Message, toTopic topic: String, _ correlation: [UInt8]) async throws {
        var headers = message.headers
        headers.native = nil
        headers[Headers.Standard.correlationID] = correlation.isEmpty ? nil : .bytes(correlation)
        if !message.body.isEmpty, headers.contentType == nil { headers.contentType = "application/json" }
        let answer = try outgoing(
            Message(headers: headers),
            runtime.wire.outgoing(message.body),
            to: topic,
            guarantee: .atMostOnce,
            retain: false,
            expiry: nil
        )
        _ = try await transmit(answer)
    }

    /// An address is text of MQTT's. Peers of commlib-py write one without slashes with dots, and listen with slashes.
    private static func topic(ofAddress address: String) -> String {
        address.utf8.contains(UInt8(ascii: "/")) ? address : TopicName(address).mqtt
    }

    /// Any peer can say where it wants its reply. Where topics are the broker's own (MQTT 5, 4.7.2), it may end the link over it.
    private static func replyTopic(_ topic: String) throws -> String {
        guard topic.utf8.first != UInt8(ascii: "$") else {
            throw MessagingError(.invalidArgument, "a reply to \(quoted(topic)): no client has topics with $")
        }
        return topic
    }

    private nonisolated func check(_ message: Message) throws {
        try runtime.checkSize(of: message)
        try UserProperty.check(message.headers)
    }

    private nonisolated func outgoing(
        _ message: Message,
        _ payload: [UInt8],
        to topic: String,
        guarantee: Guarantee,
        retain: Bool,
        expiry: Duration?
    ) throws -> Outgoing {
        // An address for replies may be anything, and a broker ends the link over what is no topic.
        guard TextRules.isTopic(topic) else {
            throw MessagingError(.invalidArgument, "a publish to \(quoted(topic)): MQTT has no such topic")
        }
        if options.version == .v5 { try UserProperty.checkLengths(message.headers) }
        return Outgoing(
            topic: topic,
            payload: payload,
            headers: message.headers,
            quality: QoS(guarantee),
            retain: retain,
            expiry: expiry,
            deadline: expiry.map { runtime.timers.now + $0 },
            confirmation: guarantee == .atMostOnce ? nil : Promise()
        )
    }
}
