extension Workload {
    /// Those that there is a target for.
    static let all = mqtt + amqp + redis + sql + [bridge] + relay + inProcess + broker + python

    private static let mqtt =
        publishing("mqtt", .mosquitto)
        + [subscribing("mqtt", .mosquitto)]
        + confirming("mqtt", .mosquitto)
        + calling("mqtt", .mosquitto)
        + [typed("mqtt", .mosquitto)]
        + memory("mqtt", .mosquitto)

    private static let amqp =
        publishing("amqp", .rabbitmq)
        + [subscribing("amqp", .rabbitmq), consuming]
        + confirming("amqp", .rabbitmq)
        + calling("amqp", .rabbitmq)
        + memory("amqp", .rabbitmq)

    private static let redis =
        publishing("redis", .redis)
        + [subscribing("redis", .redis)]
        + confirming("redis", .redis)
        + calling("redis", .redis)
        + [typed("redis", .redis)]
        + memory("redis", .redis)

    /// Queries of one row each, as text. The statement is prepared, by psycopg and Martlet by themselves, unless it is said.
    private static let sql = [
        selecting("one session, on its loop", "select-on-loop", 1, .atLeast(ratio: 0.8), .c("sql", "select")),
        selecting("one session, on the pool", "select", 1, .atLeast(ratio: 0.5), .c("sql", "select")),
        selecting("one session, against psycopg", "select-on-loop", 1, .atLeast(ratio: 3), .python("sql", "select")),
        selecting("16 tasks on 8 sessions, on a loop", "select-on-loop", 16, .atLeast(ratio: 0.9), .c("sql", "select")),
        selecting("16 tasks on 8 sessions", "select", 16, .atLeast(ratio: 0.9), .c("sql", "select")),
        selecting(
            "16 tasks on 8 sessions, not prepared",
            "select-as-text",
            16,
            .atLeast(ratio: 0.9),
            .c("sql", "select-as-text")
        ),
    ]

    private static func selecting(
        _ name: String,
        _ workload: String,
        _ window: Int,
        _ goal: Goal,
        _ rival: Invocation
    ) -> Self {
        Self(
            name: "sql select, \(name)",
            broker: .postgresql,
            goal: goal,
            martlet: Contender(measured: .extra("sql", workload).with(window: window)),
            rival: Contender(measured: rival.with(window: window))
        )
    }

    private static func publishing(_ transport: String, _ broker: BrokerKind) -> [Self] {
        [(64, "64 B"), (1_024, "1 KiB")].map { bytes, size in
            Self(
                name: "\(transport) publish, \(size)",
                broker: broker,
                goal: .atLeast(ratio: 0.9),
                martlet: Contender(measured: .martlet(transport, "publish").with(bytes: bytes)),
                rival: Contender(measured: .c(transport, "publish").with(bytes: bytes))
            )
        }
    }

    private static func subscribing(_ transport: String, _ broker: BrokerKind) -> Self {
        let source = Contender.Staging.fed(by: .c(transport, "flood"))
        return Self(
            name: "\(transport) subscribe, 64 B",
            broker: broker,
            goal: .atLeast(ratio: 0.9),
            martlet: Contender(measured: .martlet(transport, "subscribe"), staging: source),
            rival: Contender(measured: .c(transport, "subscribe"), staging: source)
        )
    }

    /// From a queue, each message acknowledged.
    private static var consuming: Self {
        func contender(_ measured: Invocation, _ queue: String) -> Contender {
            let environment = ["BENCH_QUEUE": queue]
            return Contender(
                measured: measured.with(environment: environment),
                staging: .fed(by: .c("amqp", "floodqueue").with(environment: environment))
            )
        }
        return Self(
            name: "amqp consume, acknowledged, 64 B",
            broker: .rabbitmq,
            goal: .atLeast(ratio: 0.9),
            martlet: contender(.martlet("amqp", "consume"), "bench.queue.martlet"),
            rival: contender(.c("amqp", "consume"), "bench.queue.c")
        )
    }

    private static func confirming(_ transport: String, _ broker: BrokerKind) -> [Self] {
        [("on its loop", "confirmed-on-loop"), ("on the pool", "confirmed")].map { place, workload in
            Self(
                name: "\(transport) confirmed, 100 in flight, \(place)",
                broker: broker,
                goal: .atLeast(ratio: 0.9),
                martlet: Contender(measured: .martlet(transport, workload).with(window: 100)),
                rival: Contender(measured: .c(transport, "confirmed").with(window: 100))
            )
        }
    }

    private static func calling(_ transport: String, _ broker: BrokerKind) -> [Self] {
        func contender(
            _ invocation: (String, String) -> Invocation,
            _ workload: String,
            _ window: Int,
            _ responder: String = "echo"
        ) -> Contender {
            Contender(
                measured: invocation(transport, workload).with(window: window),
                staging: .answered(by: invocation(transport, responder))
            )
        }
        typealias Kind = (
            name: String, workload: String, responder: String, window: Int, quantity: Quantity, goal: Goal
        )
        let kinds: [Kind] = [
            ("call, both on their loops", "call-on-loop", "echo-on-loop", 1, .latency, .atMost(ratio: 1.25)),
            ("call, caller on the loop", "call-on-loop", "echo", 1, .latency, .atMost(ratio: 1.25)),
            ("call, both on the pool", "call", "echo", 1, .latency, .atMost(ratio: 1.8)),
            ("call, 64 callers", "call", "echo", 64, .rate, .atLeast(ratio: 0.9)),
        ]
        return kinds.map { kind in
            Self(
                name: "\(transport) \(kind.name)",
                broker: broker,
                quantity: kind.quantity,
                goal: kind.goal,
                martlet: contender(Invocation.martlet, kind.workload, kind.window, kind.responder),
                rival: contender(Invocation.c, "call", kind.window)
            )
        }
    }

    /// A struct of four fields as JSON, against as many bytes.
    private static func typed(_ transport: String, _ broker: BrokerKind) -> Self {
        Self(
            name: "\(transport) typed, against raw bytes",
            broker: broker,
            goal: .atLeast(ratio: 0.75),
            martlet: Contender(measured: .martlet(transport, "typed")),
            rival: Contender(measured: .martlet(transport, "raw"))
        )
    }

    /// What those use who write such systems in Python, on its one thread.
    private static let python =
        againstPython("mqtt", .mosquitto, "mqtt", "asyncio-mqtt")
        + againstPython("amqp", .rabbitmq, "amqp", "aio-pika")
        + againstPython("redis", .redis, "resp", "redis-py")

    private static func againstPython(
        _ transport: String,
        _ broker: BrokerKind,
        _ script: String,
        _ library: String
    ) -> [Self] {
        func workload(
            _ name: String,
            _ quantity: Quantity,
            _ goal: Goal,
            _ staging: (_ invocation: @escaping (String) -> Invocation) -> Contender.Staging
        ) -> Self {
            func contender(_ invocation: @escaping (String) -> Invocation) -> Contender {
                Contender(measured: invocation(name), staging: staging(invocation))
            }
            return Self(
                name: "\(transport) \(name), against \(library)",
                broker: broker,
                quantity: quantity,
                goal: goal,
                martlet: contender { .martlet(transport, $0) },
                rival: contender { .python(script, $0) }
            )
        }
        return [
            workload("publish", .rate, .atLeast(ratio: 5)) { _ in .alone },
            workload("subscribe", .rate, .atLeast(ratio: 5)) { _ in .fed(by: .c(transport, "flood")) },
            workload("call", .latency, .atMost(ratio: 0.5)) { .answered(by: $0("echo")) },
        ]
    }

    private static func memory(_ transport: String, _ broker: BrokerKind) -> [Self] {
        let idle = Contender(measured: .martlet(transport, "idle"))
        return [
            Self(
                name: "\(transport) memory, one subscription",
                broker: broker,
                quantity: .memory,
                goal: .below(12 * 1_048_576),
                count: 1,
                martlet: idle
            ),
            Self(
                name: "\(transport) memory, each of 10,000",
                broker: broker,
                quantity: .memoryEach,
                goal: .below(2_048),
                count: 10_000,
                martlet: idle
            ),
        ]
    }

    private static let bridge = Self(
        name: "bridge mqtt to mqtt, against mosquitto's",
        broker: .none,
        goal: .atLeast(ratio: 1),
        martlet: Contender(
            measured: .c("mqtt", "subscribe"),
            staging: .bridged(by: .martlet("mqtt", "bridge"), fed: .c("mqtt", "flood"))
        ),
        rival: Contender(measured: .c("mqtt", "subscribe"), staging: .bridged(by: nil, fed: .c("mqtt", "flood")))
    )

    /// Lines of 64 bytes to a program that reads as Carbon does: beside what is written in Python for that, a callback of paho
    /// that writes to a socket, and beside a bridge to another broker.
    private static let relay: [Self] = {
        let source = Invocation.c("mqtt", "flood").with(environment: ["BENCH_ENDING": " 1 1700000000"])
        func relayed(by relay: Invocation) -> Contender {
            Contender(measured: .c("carbon", "read"), staging: .relayed(by: relay, fed: source))
        }
        let relay = Invocation.extra("mqtt", "relay")
        return [
            Self(
                name: "relay mqtt to carbon, against paho and a socket",
                broker: .none,
                goal: .atLeast(ratio: 5),
                martlet: relayed(by: relay),
                rival: relayed(by: .python("relay", "relay"))
            ),
            Self(
                name: "relay mqtt to carbon, against a bridge to mqtt",
                broker: .none,
                goal: .atLeast(ratio: 0.8),
                martlet: relayed(by: relay),
                rival: bridge.martlet
            ),
        ]
    }()

    /// Martlet's own broker beside Mosquitto, with the same clients, in C.
    private static let broker = [
        serving("1 to 1", .c("mqtt", "fan"), .fed(by: .c("mqtt", "flood")), .atLeast(ratio: 2)),
        serving("1 to 10", .c("mqtt", "fan").with(window: 10), .fed(by: .c("mqtt", "flood")), .atLeast(ratio: 3)),
        serving(
            "1 to 1,000",
            .c("mqtt", "fan").with(window: 1_000),
            .fed(by: .c("mqtt", "flood")),
            .atLeast(ratio: 3),
            count: 100
        ),
        serving("no subscriber", .c("mqtt", "flood"), .alone, .atLeast(ratio: 1)),
        serving("confirmed, 100 in flight", .c("mqtt", "confirmed").with(window: 100), .alone, .atLeast(ratio: 1.5)),
    ]

    private static func serving(
        _ name: String,
        _ measured: Invocation,
        _ staging: Contender.Staging,
        _ goal: Goal,
        count: Int = 5_000
    ) -> Self {
        Self(
            name: "broker \(name), against mosquitto",
            broker: .none,
            goal: goal,
            count: count,
            martlet: Contender(measured: measured, staging: staging, server: .martlet),
            rival: Contender(measured: measured, staging: staging, server: .mosquitto)
        )
    }

    private static let inProcess = [("", ""), (" typed", "-typed")].map { name, suffix in
        Self(
            name: "in process\(name), against AsyncStream",
            broker: .none,
            goal: .atLeast(ratio: 5),
            martlet: Contender(measured: .martlet("memory", "hand-over\(suffix)")),
            rival: Contender(measured: .martlet("memory", "stream\(suffix)"))
        )
    }
}
