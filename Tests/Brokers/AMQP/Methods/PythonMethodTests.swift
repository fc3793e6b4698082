import IntegrationSupport
import Martlet
import MartletAMQP
import MartletTesting
import Testing

/// Methods between Martlet and programs in Python: nameko itself, and kombu as baguette-messaging (farine) uses it.
@Suite(.serialized, .timeLimit(.minutes(10))) struct PythonMethodTests {
    struct Pair: Codable, Sendable {
        var a: Int
        var b: Int
    }

    private func start(_ script: String, _ arguments: String...) async throws -> ProgramRun {
        let port = try await RabbitMQServer.shared().port
        return try ProgramRun(
            try await PythonEnvironment.interpreter(),
            ["-W", "ignore", "-c", script, "amqp://guest:guest@127.0.0.1:\(port)//"] + arguments,
            environment: [:]
        )
    }

    private func withConnection(_ body: (AMQPConnection) async throws -> Void) async throws {
        try await withAMQP(port: try await RabbitMQServer.shared().port, { _ in }, body)
    }

    private func served(_ service: String, on connection: AMQPConnection, _ style: MethodStyle) -> Node {
        Node("there", on: connection) {
            ServeMethods(of: service, on: connection, style: style) {
                Method("add") { (pair: Pair) in pair.a + pair.b }
                Method("nothing") { (_: NoArguments) in }
                Method("fail") { (_: NoArguments) -> Int in throw MessagingError("too-warm", "too warm") }
                if style == .farine {
                    StreamMethod("letters") { (_: NoArguments, send: @Sendable (String) async throws -> Void) in
                        for letter in ["a", "", "c"] { try await send(letter) }
                    }
                }
            }
        }
    }

    // MARK: nameko

    @Test func namekoAnswers() async throws {
        let service = unique("nameko")
        let program = try await start(Self.namekoServer, service)
        try await program.waitForOutput("ready")
        try await withConnection { (connection: AMQPConnection) async throws -> Void in
            let client = MethodClient(of: service, on: connection, style: .nameko)
            #expect(try await client.call("add", Pair(a: 40, b: 2), returning: Int.self) == 42)
            #expect(try await client.call("add", ["b": 2], ordered: [40], returning: Int.self) == 42)
            #expect(try await client.call("nothing", returning: Int?.self) == nil)
            let failure = await #expect(throws: MessagingError.self) {
                try await client.call("fail", returning: Int.self)
            }
            #expect(failure?.code == .handlerFailed && failure?.message == "ValueError: too warm")
            #expect(await errorCode { _ = try await client.call("unknown", returning: Int.self) } == .noResponder)
            #expect(
                await errorCode { _ = try await client.call("add", ["c": 1], returning: Int.self) } == .invalidArgument
            )
            let nobody = MethodClient(of: unique("nobody"), on: connection, style: .nameko)
            #expect(await errorCode { _ = try await nobody.call("add", returning: Int.self) } == .noResponder)
            await nobody.close()
            await client.close()
        }
        program.send(signal: 9)
        _ = try await program.waitForEnd()
    }

    @Test func namekoCalls() async throws {
        try await withConnection { (connection: AMQPConnection) async throws -> Void in
            let service = unique("nameko")
            try await served(service, on: connection, .nameko).whileRunning {
                let program = try await start(Self.namekoClient, service)
                _ = try await program.waitForEnd()
                #expect(
                    program.lines == [
                        "42", "42", "None", "RemoteError too-warm too warm", "MethodNotFound unknown",
                        "IncorrectSignature", "UnknownService",
                    ],
                    "\(program.errors)"
                )
            }
        }
    }

    // MARK: kombu, as farine uses it

    @Test func farineAnswers() async throws {
        let service = unique("farine")
        let program = try await start(Self.farineServer, service)
        try await program.waitForOutput("ready")
        try await withConnection { (connection: AMQPConnection) async throws -> Void in
            let client = MethodClient(of: service, on: connection, style: .farine)
            #expect(try await client.call("add", Pair(a: 40, b: 2), returning: Int.self) == 42)
            #expect(try await client.call("add", Pair(a: 1, b: -1), returning: Int.self) == 0)
            let failure = await #expect(throws: MessagingError.self) {
                try await client.call("add", ["a": 1], returning: Int.self)
            }
            #expect(failure?.code == .handlerFailed)
            #expect(failure?.message.contains("Traceback") ?? false, "\(failure?.message ?? "")")
            var letters: [String] = []
            for try await letter in try await client.stream("letters", returning: String.self) {
                letters.append(letter)
            }
            #expect(letters == ["a", "", "c"])
            await client.close()
        }
        program.send(signal: 9)
        _ = try await program.waitForEnd()
    }

    @Test func farineCalls() async throws {
        try await withConnection { (connection: AMQPConnection) async throws -> Void in
            let service = unique("farine")
            try await served(service, on: connection, .farine).whileRunning {
                let program = try await start(Self.farineClient, service)
                _ = try await program.waitForEnd()
                #expect(
                    program.lines == [
                        "[42]", "[42]", "[null]", #"["a", "", "c"]"#, #"{"__except__": "too-warm: too warm"}"#,
                    ],
                    "\(program.errors)"
                )
            }
        }
    }

    /// A consumer of kombu gets a decoded value, which needs the content type; and its messages are read.
    @Test func kombuReadsAndWritesExchanges() async throws {
        try await withConnection { (connection: AMQPConnection) async throws -> Void in
            let exchange = unique("exchange")
            let back = Promise<Pair>()
            let node = Node("there", on: connection) {
                ConsumeExchange(exchange, key: "\(exchange).back", on: connection) { (pair: Pair) in
                    back.end(.success(pair))
                }
            }
            try await node.whileRunning {
                let program = try await start(Self.kombuEcho, exchange)
                try await program.waitForOutput("ready")
                let publish = ExchangePublisher(to: exchange, key: "\(exchange).there", on: connection, of: Pair.self)
                try await publish(Pair(a: 3, b: 4))
                let pair = try await back.value()
                #expect(pair.a == 4 && pair.b == 3)
                _ = try await program.waitForEnd()
                #expect(program.lines.last == "dict application/json utf-8 2")
            }
            try await connection.deleteExchange(exchange)
            for end in ["there", "back"] { try await connection.deleteQueue("\(exchange).\(end)") }
        }
    }
}

extension PythonMethodTests {
    fileprivate static let namekoServer = """
        import sys
        import eventlet
        eventlet.monkey_patch()
        from nameko.containers import ServiceContainer
        from nameko.rpc import rpc

        class Service:
            name = sys.argv[2]

            @rpc
            def add(self, a, b):
                return a + b

            @rpc
            def nothing(self):
                pass

            @rpc
            def fail(self):
                raise ValueError("too warm")

        container = ServiceContainer(Service, config={"AMQP_URI": sys.argv[1]})
        container.start()
        print("ready", flush=True)
        container.wait()
        """

    fileprivate static let namekoClient = """
        import sys
        from nameko.standalone.rpc import ServiceRpcProxy, ClusterRpcProxy

        config = {"AMQP_URI": sys.argv[1]}

        def attempt(call, tells=True):
            try:
                print(call())
            except Exception as error:
                print(type(error).__name__, error) if tells else print(type(error).__name__)

        with ServiceRpcProxy(sys.argv[2], config, timeout=30) as service:
            attempt(lambda: service.add(40, 2))
            attempt(lambda: service.add(a=40, b=2))
            attempt(lambda: service.nothing())
            attempt(lambda: service.fail())
            attempt(lambda: service.unknown())
            attempt(lambda: service.add(1, 2, 3), tells=False)
        with ClusterRpcProxy(config, timeout=30) as cluster:
            attempt(lambda: cluster[sys.argv[2] + "x"].add(1, 2), tells=False)
        """

    fileprivate static let farineServer = """
        import sys
        import traceback
        import kombu

        service = sys.argv[2]

        def add(a, b):
            yield a + b

        def letters():
            yield from ["a", "", "c"]

        connection = kombu.Connection(sys.argv[1])
        exchange = kombu.Exchange(service, "direct", durable=True)
        queues = [kombu.Queue(f"{service}__{name}", exchange, f"{service}__{name}") for name in ["add", "letters"]]
        methods = {f"{service}__add": add, f"{service}__letters": letters}
        producer = kombu.Producer(connection, exchange)

        def answer(body, message):
            message.ack()
            properties = message.properties

            def reply(value):
                producer.publish(
                    value, routing_key=properties["reply_to"], correlation_id=properties["correlation_id"],
                    serializer="json",
                )

            try:
                for value in methods[message.delivery_info["routing_key"]](*body["args"], **body["kwargs"]):
                    reply({"body": value, "__end__": False})
                reply({"__end__": True})
            except Exception:
                reply({"__except__": traceback.format_exc()})

        with kombu.Consumer(connection, queues, callbacks=[answer]):
            print("ready", flush=True)
            while True:
                connection.drain_events()
        """

    fileprivate static let farineClient = """
        import json
        import sys
        import uuid
        import kombu

        service = sys.argv[2]
        connection = kombu.Connection(sys.argv[1])
        exchange = kombu.Exchange(service, "direct", durable=True)

        def call(method, *args, **kwargs):
            address, correlation = uuid.uuid4().hex, uuid.uuid4().hex
            replies = kombu.Queue(address, exchange, address, auto_delete=True)
            bodies, ended = [], []

            def receive(body, message):
                message.ack()
                assert message.properties["correlation_id"] == correlation
                if "__except__" in body:
                    ended.append(body)
                elif body["__end__"]:
                    ended.append(bodies)
                else:
                    bodies.append(body["body"])

            with kombu.Consumer(connection, [replies], callbacks=[receive]):
                kombu.Producer(connection, exchange).publish(
                    {"args": args, "kwargs": kwargs}, routing_key=f"{service}__{method}", reply_to=address,
                    correlation_id=correlation, serializer="json",
                )
                while not ended:
                    connection.drain_events(timeout=30)
            print(json.dumps(ended[0]))

        call("add", 40, 2)
        call("add", a=40, b=2)
        call("nothing")
        call("letters")
        call("fail")
        """

    fileprivate static let kombuEcho = """
        import sys
        import kombu

        name = sys.argv[2]
        connection = kombu.Connection(sys.argv[1])
        exchange = kombu.Exchange(name, "direct", durable=True)
        there = kombu.Queue(name + ".there", exchange, name + ".there")
        done = []

        def receive(body, message):
            message.ack()
            properties = message.properties
            print(type(body).__name__, message.content_type, message.content_encoding, properties["delivery_mode"])
            kombu.Producer(connection, exchange).publish(
                {"a": body["b"], "b": body["a"]}, routing_key=name + ".back", serializer="json"
            )
            done.append(body)

        with kombu.Consumer(connection, [there], callbacks=[receive]):
            print("ready", flush=True)
            while not done:
                connection.drain_events(timeout=30)
        connection.release()
        """
}
