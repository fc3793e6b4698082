import IntegrationSupport
import Martlet
import MartletMQTT
import MartletTesting
import Testing

/// What a broker does not want is an error that says what, and not a retry without end.
@Suite(.timeLimit(.minutes(10))) struct BrokerRefusalTests {
    @Test(arguments: MQTTVersion.allCases) func aWrongPasswordIsRefused(_ version: MQTTVersion) async throws {
        var options = MosquittoOptions()
        options.users = [.init("alice", password: "sesame")]
        try await MosquittoServer.withServer(options) { server in
            for (user, password) in [("alice", "wrong"), ("bob", "sesame"), (nil, nil)] {
                let error = await messagingError {
                    _ = try await MQTTConnection.connect(
                        .local(server.port, version) {
                            $0.username = user
                            $0.password = password
                        }
                    )
                }
                #expect(error?.code == .refused)
                #expect(error?.isRetriable == false)
                let text = "\(String(describing: error))"
                #expect(text.contains("not authorised") || text.contains("user name or password"), "\(text)")
                #expect(!text.contains("sesame") && !text.contains("wrong\""), "a password is in the error")
            }
            try await MQTTConnection.withConnection(
                .local(server.port, version) {
                    $0.username = "alice"
                    $0.password = "sesame"
                }
            ) { try await $0.publish(Message("x"), to: "t", options: PublishOptions(guarantee: .atLeastOnce)) }
        }
    }

    @Test(arguments: MQTTVersion.allCases) func aNameThatTheBrokerDoesNotTakeIsRefused(_ version: MQTTVersion)
        async throws
    {
        var options = MosquittoOptions()
        options.extraLines = ["clientid_prefixes good-"]
        try await MosquittoServer.withServer(options) { server in
            let error = await messagingError {
                _ = try await MQTTConnection.connect(.local(server.port, version, name: "bad-name"))
            }
            #expect(error?.code == .refused)
            #expect(error?.message.contains("not authorised") == true, "\(String(describing: error))")
            try await MQTTConnection.withConnection(.local(server.port, version, name: "good-name")) { _ in }
        }
    }

    /// RabbitMQ knows no QoS 2, and says so by PUBACK. Who publishes once is told, and the link goes on.
    @Test(arguments: MQTTVersion.allCases)
    func aBrokerThatConfirmsOnceAsAtLeastOnceIsNotBelieved(_ version: MQTTVersion) async throws {
        try await FakeBroker.withBroker { peer, _ in
            try await peer.acceptClient(version)
            for _ in 0..<2 {
                let body = try await peer.receive(kind: 3).body
                let size = Int(body[0]) << 8 | Int(body[1])
                try await peer.send(.init(head: 0x40, body: Array(body[(2 + size)..<(4 + size)])))
            }
            try await peer.behave(version)
        } _: { broker in
            try await MQTTConnection.withConnection(.local(broker.port, version)) { connection in
                func publish(_ guarantee: Guarantee) async -> MessagingError? {
                    await messagingError {
                        try await connection.publish(
                            Message("x"),
                            to: "t",
                            options: PublishOptions(guarantee: guarantee, expiry: version == .v5 ? .seconds(60) : nil)
                        )
                    }
                }
                #expect(await publish(.exactlyOnce)?.code == .unsupported)
                #expect(await publish(.atLeastOnce) == nil)
                #expect(connection.statistics.linkFailures == 0)
            }
        }
    }

    /// As a broker does that has rules for names (MQTT 3.1.1, 3.2.2.3; MQTT 5, 3.2.2.2).
    @Test(arguments: [(MQTTVersion.v311, UInt8(2)), (.v5, 0x85)])
    func aBadClientIdentifierIsNamed(_ version: MQTTVersion, _ reason: UInt8) async throws {
        try await FakeBroker.withBroker { peer, _ in
            _ = try await peer.receive(kind: 1)
            try await peer.send(RawPeer.welcome(version, reason))
            peer.socket.endWriting()
            _ = try await peer.socket.receiveEnd()
        } _: { broker in
            let error = await messagingError { _ = try await MQTTConnection.connect(.local(broker.port, version)) }
            #expect(error?.code == .refused)
            #expect(error?.message.contains("client identifier") == true, "\(String(describing: error))")
        }
    }

    @Test func whatAClientMayNotPublishIsRefused() async throws {
        var options = MosquittoOptions()
        options.accessControl = ["topic readwrite allowed/#", "topic read secret/#"]
        try await MosquittoServer.withServer(options) { server in
            try await MQTTConnection.withConnection(.local(server.port)) { connection in
                let promise = PublishOptions(guarantee: .atLeastOnce)
                let error = await messagingError {
                    try await connection.publish(Message("x"), to: "secret.x", options: promise)
                }
                #expect(error?.code == .refused)
                #expect(error?.message.contains("Not authorized") == true, "\(String(describing: error))")
                let once = await messagingError {
                    try await connection.publish(
                        Message("x"),
                        to: "secret.x",
                        options: PublishOptions(guarantee: .exactlyOnce)
                    )
                }
                #expect(once?.code == .refused)
                try await connection.publish(Message("x"), to: "allowed.x", options: promise)
                #expect(connection.state == .connected)
            }
        }
    }

    @Test(arguments: [(MQTTVersion.v311, UInt8(0x80)), (.v5, 0x87), (.v5, 0x97)])
    func aRefusedSubscriptionIsAnError(_ version: MQTTVersion, _ reason: UInt8) async throws {
        try await FakeBroker.withBroker { peer, _ in
            try await peer.acceptClient(version)
            while true {
                let packet = try await peer.receive(kind: 8)
                let body = packet.body[..<2] + (version == .v5 ? [0, reason] : [reason])
                try await peer.send(.init(head: 0x90, body: Array(body)))
            }
        } _: { broker in
            try await MQTTConnection.withConnection(.local(broker.port, version)) { connection in
                for _ in 0..<2 {
                    let error = await messagingError { _ = try await connection.subscribe(to: "secret.#") }
                    #expect(error?.code == .refused)
                    #expect(error?.message.contains("secret/#") == true, "\(String(describing: error))")
                }
                let queue = await messagingError { _ = try await connection.consume(from: "jobs") }
                #expect(queue?.code == .refused)
                #expect(connection.state == .connected)
            }
        }
    }

    @Test func aPacketThatIsTooLargeIsRefused() async throws {
        var options = MosquittoOptions()
        options.maximumPacketSize = 2_000
        try await MosquittoServer.withServer(options) { server in
            try await MQTTConnection.withConnection(.local(server.port)) { connection in
                for guarantee in Guarantee.allCases {
                    let promise = PublishOptions(guarantee: guarantee)
                    let error = await messagingError {
                        try await connection.publish(Message(bytes(2_000)), to: "t", options: promise)
                    }
                    #expect(error?.code == .bodyTooLarge, "\(guarantee)")
                    #expect(error?.message.contains("2000") == true, "\(String(describing: error))")
                }
                // With its headers it is too large, too.
                let headers: Headers = ["long": .string(String(repeating: "x", count: 1_900))]
                let error = await messagingError {
                    try await connection.publish(
                        Message(bytes(500), headers: headers),
                        to: "t",
                        options: PublishOptions(guarantee: .atLeastOnce)
                    )
                }
                #expect(error?.code == .bodyTooLarge)
                try await connection.publish(
                    Message(bytes(1_900)),
                    to: "t",
                    options: PublishOptions(guarantee: .atLeastOnce)
                )
                #expect(connection.state == .connected)
            }
        }
    }

    /// A broker says so with the confirmation (MQTT 5, 3.4.2.1).
    @Test(arguments: [
        (UInt8(0x97), MessagingError.Code.queueFull), (0x93, .queueFull), (0x87, .refused), (0x90, .invalidTopic),
        (0x95, .bodyTooLarge),
    ])
    func aRefusedMessageSaysWhy(_ reason: UInt8, _ code: MessagingError.Code) async throws {
        try await FakeBroker.withBroker { peer, _ in
            try await peer.acceptClient(.v5)
            while true {
                let body = try await peer.receive(kind: 3).body
                let size = Int(body[0]) << 8 | Int(body[1])
                try await peer.send(.init(head: 0x40, body: body[(2 + size)..<(4 + size)] + [reason, 0]))
            }
        } _: { broker in
            try await MQTTConnection.withConnection(.local(broker.port)) { connection in
                let error = await messagingError {
                    try await connection.publish(
                        Message("x"),
                        to: "t",
                        options: PublishOptions(guarantee: .atLeastOnce)
                    )
                }
                #expect(error?.code == code)
                #expect(error?.message.contains("reason \(reason)") == true, "\(String(describing: error))")
            }
        }
    }

    /// mosquitto says it with PUBACK alone; others with PUBREC, and not again with PUBCOMP.
    @Test func thatNobodyConsumesAQueueIsKnownWhenItIsSaidOfAMessageThatComesOnce() async throws {
        try await FakeBroker.withBroker { peer, _ in
            try await peer.acceptClient(.v5)
            while true {
                let packet = try await peer.receive()
                switch packet.kind {
                case 3: try await peer.send(.init(head: 0x50, body: RawPeer.number(Int(packet.number)) + [0x10]))
                case 6: try await peer.send(.init(head: 0x70, body: packet.body))
                default: break
                }
            }
        } _: { broker in
            try await MQTTConnection.withConnection(.local(broker.port)) { connection in
                let error = await messagingError {
                    try await connection.send(
                        Message("x"),
                        to: "jobs",
                        options: SendOptions(guarantee: .exactlyOnce)
                    )
                }
                #expect(error?.code == .noResponder)
            }
        }
    }

    // MARK: In its own words

    private static let reasonString: [UInt8] = [0x1F] + RawPeer.text("not on Tuesdays")
    private static let serverReference: [UInt8] = [0x1C] + RawPeer.text("other.example:1883")

    @Test(arguments: [Guarantee.atLeastOnce, .exactlyOnce])
    func whyAMessageIsRefusedIsToldInTheBrokersWords(_ guarantee: Guarantee) async throws {
        try await FakeBroker.withBroker { peer, _ in
            try await peer.acceptClient(.v5)
            let publish = try await peer.receive(kind: 3)
            let reason = [0x87, UInt8(Self.reasonString.count)] + Self.reasonString
            try await peer.send(
                .init(
                    head: guarantee == .exactlyOnce ? 0x50 : 0x40,
                    body: RawPeer.number(Int(publish.number)) + reason
                )
            )
            try await peer.behave(.v5)
        } _: { broker in
            try await MQTTConnection.withConnection(.local(broker.port)) { connection in
                let error = await messagingError {
                    try await connection.publish(Message("x"), to: "t", options: PublishOptions(guarantee: guarantee))
                }
                #expect(error?.message.contains("not on Tuesdays") == true, "\(String(describing: error))")
            }
        }
    }

    @Test func whyASubscriptionIsRefusedIsToldInTheBrokersWords() async throws {
        try await FakeBroker.withBroker { peer, _ in
            try await peer.acceptClient(.v5)
            try await peer.grant(try await peer.receive(kind: 8), .v5, 0x87, properties: Self.reasonString)
            try await peer.behave(.v5)
        } _: { broker in
            try await MQTTConnection.withConnection(.local(broker.port)) { connection in
                let error = await messagingError { _ = try await connection.subscribe(to: "t") }
                #expect(error?.message.contains("not on Tuesdays") == true, "\(String(describing: error))")
                #expect(error?.message.contains("reason 135") == true, "\(String(describing: error))")
            }
        }
    }

    @Test(arguments: [(UInt8(0x9C), true), (0x9D, false)])
    func whichServerIsToBeUsedIsTold(_ reason: UInt8, _ isRetriable: Bool) async throws {
        try await FakeBroker.withBroker { peer, number in
            if number == 0 {
                _ = try await peer.receive(kind: 1)
                try await peer.send(RawPeer.welcome(.v5, reason, properties: Self.serverReference))
                _ = try await peer.socket.receiveEnd()
                return
            }
            try await peer.acceptClient(.v5)
            guard number == 1 else { return try await peer.behave(.v5) }
            _ = try await peer.receive(kind: 3)
            let list = [UInt8(Self.serverReference.count)] + Self.serverReference
            try await peer.send(.init(head: 0xe0, body: [reason] + list))
        } _: { broker in
            let error = await messagingError { _ = try await MQTTConnection.connect(.local(broker.port)) }
            #expect(error?.message.contains("other.example:1883") == true, "\(String(describing: error))")
            #expect(error?.isRetriable == isRetriable)
            try await MQTTConnection.withConnection(.local(broker.port)) { connection in
                try await connection.publish(Message("x"), to: "t")
                try await until { connection.statistics.linkFailures == 1 }
                #expect(connection.statistics.lastLinkFailure?.contains("other.example:1883") == true)
            }
        }
    }

    private func bytes(_ count: Int) -> [UInt8] { [UInt8](repeating: 7, count: count) }
}
