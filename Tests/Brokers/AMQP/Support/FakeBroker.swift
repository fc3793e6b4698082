import IntegrationSupport

/// A broker that does what a test tells it, well or ill.
struct FakeBroker: Sendable {
    let port: Int
    private let listener: Socket

    /// Runs `body` with a broker of which `serve` deals with each connection, numbered from 0, once it is open. When `body` is
    /// done, the connections end.
    ///
    /// - Parameter heartbeat: what it proposes, in seconds; 0: it wants none.
    static func withBroker<Result>(
        heartbeat: Int = 0,
        _ serve: @escaping @Sendable (FakePeer, Int) async throws -> Void,
        _ body: (FakeBroker) async throws -> Result
    ) async throws -> Result {
        let listener = try Socket.listening()
        let broker = FakeBroker(port: try listener.localPort, listener: listener)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await broker.accept(heartbeat, serve) }
            defer { group.cancelAll() }
            return try await body(broker)
        }
    }

    private func accept(
        _ heartbeat: Int,
        _ serve: @escaping @Sendable (FakePeer, Int) async throws -> Void
    ) async {
        await withDiscardingTaskGroup { group in
            var count = 0
            while !Task.isCancelled {
                guard let socket = listener.accept() else {
                    try? await Task.sleep(for: .milliseconds(2))
                    continue
                }
                let number = count
                count += 1
                // A client that goes away is none of the broker's business.
                group.addTask {
                    let peer = FakePeer(socket: socket)
                    try? await peer.acceptClient(heartbeat)
                    try? await serve(peer, number)
                }
            }
            group.cancelAll()
        }
    }
}

/// A client as a ``FakeBroker`` sees it.
struct FakePeer: Sendable {
    /// A frame of the client's.
    struct Frame: Sendable {
        let kind: UInt8
        let channel: UInt16
        let payload: [UInt8]

        /// The class and the method, in one number; `nil` for a header or a body.
        var method: UInt32? { kind == 1 ? payload.prefix(4).reduce(0) { $0 << 8 | UInt32($1) } : nil }
        var arguments: [UInt8] { Array(payload.dropFirst(4)) }
    }

    let socket: Socket

    static func word(_ number: Int) -> [UInt8] {
        [UInt8(truncatingIfNeeded: number >> 8), UInt8(truncatingIfNeeded: number)]
    }
    static func long(_ number: Int) -> [UInt8] { word(number >> 16) + word(number) }
    static func text(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + Array(text.utf8) }

    static func frame(_ kind: UInt8, _ channel: UInt16, _ payload: [UInt8]) -> [UInt8] {
        [kind] + word(Int(channel)) + long(payload.count) + payload + [0xCE]
    }

    /// The frame of a method, by its class, its number in that, and its arguments.
    static func method(_ channel: UInt16, _ group: Int, _ number: Int, _ arguments: [UInt8] = []) -> [UInt8] {
        frame(1, channel, word(group) + word(number) + arguments)
    }

    /// A delivery to the consumer of a tag.
    ///
    /// - Parameter properties: their flags and values.
    static func delivery(
        _ channel: UInt16,
        consumer: String,
        tag: Int,
        properties: [UInt8] = [0, 0],
        _ body: [UInt8]
    ) -> [UInt8] {
        let announcement = text(consumer) + long(0) + long(tag) + [0] + text("") + text("key")
        return method(channel, 60, 60, announcement)
            + frame(2, channel, word(60) + word(0) + long(0) + long(body.count) + properties)
            + (body.isEmpty ? [] : frame(3, channel, body))
    }

    func send(_ bytes: [UInt8]) async throws { try await socket.sendAll(bytes) }

    func receive() async throws -> Frame {
        let head = try await socket.receive(7)
        let size = head[3...].reduce(0) { $0 << 8 | Int($1) }
        let rest = try await socket.receive(size + 1)
        return Frame(kind: head[0], channel: UInt16(head[1]) << 8 | UInt16(head[2]), payload: Array(rest.dropLast()))
    }

    /// The protocol's header, and all up to `connection.open-ok`.
    func acceptClient(_ heartbeat: Int) async throws {
        _ = try await socket.receive(8)
        try await send(
            Self.method(
                0,
                10,
                10,
                [0, 9] + Self.long(0) + Self.long(5) + Array("PLAIN".utf8) + Self.long(5) + Array("en_US".utf8)
            )
        )
        _ = try await receive()
        try await send(Self.method(0, 10, 30, Self.word(2_047) + Self.long(131_072) + Self.word(heartbeat)))
        _ = try await receive()
        _ = try await receive()
        try await send(Self.method(0, 10, 41, [0]))
    }

    /// Answers a method that asks for an answer, as a broker does that refuses nothing.
    func answer(_ frame: Frame) async throws {
        guard let method = frame.method else { return }
        let channel = frame.channel
        switch method {
        case 0x0014_000A: try await send(Self.method(channel, 20, 11, Self.long(0)))
        case 0x0014_0028: try await send(Self.method(channel, 20, 41))
        case 0x0032_000A: try await send(Self.method(channel, 50, 11, Self.text("queue") + Self.long(0) + Self.long(0)))
        case 0x0032_0014: try await send(Self.method(channel, 50, 21))
        case 0x0032_0028: try await send(Self.method(channel, 50, 41, Self.long(0)))
        case 0x003C_000A: try await send(Self.method(channel, 60, 11))
        case 0x003C_0014: try await send(Self.method(channel, 60, 21, Self.text(Self.consumer(frame))))
        case 0x003C_001E: try await send(Self.method(channel, 60, 31, Array(frame.arguments.dropLast())))
        case 0x0055_000A: try await send(Self.method(channel, 85, 11))
        case 0x005A_000A: try await send(Self.method(channel, 90, 11))
        case 0x000A_0032: try await send(Self.method(0, 10, 51))
        default: break
        }
    }

    /// The tag in `basic.consume`.
    static func consumer(_ frame: Frame) -> String {
        let afterTicket = frame.arguments.dropFirst(2)
        let afterQueue = afterTicket.dropFirst(1 + Int(afterTicket.first ?? 0))
        return String(decoding: afterQueue.dropFirst().prefix(Int(afterQueue.first ?? 0)), as: UTF8.self)
    }

    /// Answers all that comes, and has each frame looked at, until the link ends.
    func behave(_ look: (Frame) async throws -> Void = { _ in }) async throws {
        while true {
            let frame = try await receive()
            try await answer(frame)
            try await look(frame)
        }
    }
}
