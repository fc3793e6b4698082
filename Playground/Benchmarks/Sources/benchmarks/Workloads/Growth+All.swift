extension Growth {
    static let all = [("mqtt", "MQTT", BrokerKind.mosquitto), ("amqp", "AMQP", .rabbitmq), ("redis", "Redis", .redis)]
        .flatMap { transport, title, broker in
            [
                Growth(
                    name: "\(transport)-size",
                    title: "\(title): publish",
                    broker: broker,
                    axis: .size,
                    values: (2...10).map { 1 << (2 * $0) },
                    lines: ["Martlet", "C"],
                    contenders: { bytes in
                        sides(transport).map { Contender(measured: $0("publish").with(bytes: bytes)) }
                    }
                ),
                Growth(
                    name: "\(transport)-subscriptions",
                    title: "\(title): receive on one of many subscriptions",
                    broker: broker,
                    axis: .subscriptions,
                    values: [1, 3, 10, 30, 100, 300, 1_000],
                    lines: ["Martlet", "C"],
                    contenders: { count in
                        sides(transport).map {
                            Contender(
                                measured: $0("subscribe").with(window: count),
                                staging: .fed(by: .c(transport, "flood"))
                            )
                        }
                    }
                ),
                Growth(
                    name: "\(transport)-callers",
                    title: "\(title): request and reply",
                    broker: broker,
                    axis: .callers,
                    values: (0...8).map { 1 << $0 },
                    lines: ["Martlet", "C"],
                    contenders: { callers in
                        sides(transport).map {
                            Contender(
                                measured: $0("call").with(window: callers),
                                staging: .answered(by: $0("echo"))
                            )
                        }
                    }
                ),
                Growth(
                    name: "\(transport)-connections",
                    title: "\(title): publish on many connections at a time",
                    broker: broker,
                    axis: .connections,
                    values: (0...6).map { 1 << $0 },
                    lines: ["one each", "shared"],
                    contenders: { count in
                        ["connections", "connections-one-thread"].map {
                            Contender(measured: .martlet(transport, $0).with(window: count))
                        }
                    }
                ),
            ]
        }

    private static func sides(_ transport: String) -> [(String) -> Invocation] {
        [{ .martlet(transport, $0) }, { .c(transport, $0) }]
    }
}
