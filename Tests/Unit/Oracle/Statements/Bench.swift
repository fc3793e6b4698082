import Logging
import MartletMQTTWire
import NIOCore
import NIOEmbedded

@testable import Martlet
@testable import MartletServer

/// A broker on a socket without the sockets: bytes go in, packets come out, and time passes when it is told to.
final class Bench {
    let clock = HandClock()
    let timers: Timers
    let hub: SessionHub
    let door: Door
    private var peers: [Peer] = []
    private let loops = Loops()

    init(_ limits: ServerLimits = ServerLimits(), rules: AccessRules? = nil) {
        timers = Timers(drivenBy: Timeline(clock))
        let broker = MemoryBroker(
            options: MemoryBroker.Options(clock: clock),
            handler: StandardHandler(),
            timers: timers
        )
        let logger = Logger(label: "bench", factory: { _ in SwiftLogNoOpLogHandler() })
        hub = SessionHub(broker, limits, queueGroup: nil, logger)
        door = Door(.anonymous, rules, limits)
        try? broker.attach(hub)
    }

    deinit {
        for peer in peers { peer.leave() }
        hub.broker.detachHost()
    }

    /// A connection over which nothing has been said; of a WebSocket, nothing of MQTT.
    func open(_ listener: Listener = .mqtt()) throws -> Peer {
        let peer = try Peer(listener, hub, door, loops)
        peers.append(peer)
        return peer
    }

    /// A client that has been let in.
    func client(
        _ id: String,
        _ version: ProtocolVersion = .v5,
        cleanStart: Bool = true,
        expiry: UInt32? = nil,
        keepAlive: UInt16 = 0,
        will: WillMessage? = nil,
        terms properties: [(PropertyID, UInt32)] = [],
        by listener: Listener = .mqtt()
    ) throws -> Peer {
        let peer = try open(listener)
        var connect = Connect(version: version, clientID: id, cleanStart: cleanStart, keepAlive: keepAlive, will: will)
        if let expiry { connect.properties.add(.sessionExpiryInterval, expiry) }
        for (id, number) in properties { connect.properties.add(id, number) }
        peer.say(.connect(connect))
        return peer
    }

    /// Lets time pass; what is due is done when it is due.
    func pass(_ duration: Duration) {
        let end = clock.now.time + duration
        for _ in 0..<10_000 {
            guard let next = timers.nextDeadline, next <= end else { break }
            clock.set(next)
            timers.fireDue()
        }
        clock.set(end)
    }
}

/// The loops of a bench's connections.
private final class Loops {
    private var all: [EmbeddedEventLoop] = []

    func add(_ loop: EmbeddedEventLoop) { all.append(loop) }

    /// Has them do what is left for a moment later: a connection takes an earlier one's place when that one was heard out.
    func goOn() {
        for _ in 0..<2 { for loop in all { loop.advanceTime(by: .milliseconds(1)) } }
    }
}

/// A client's end of a connection.
final class Peer {
    let connection: ClientConnection
    private let channel = EmbeddedChannel()
    private let mark = HighWaterMark()
    private let loops: Loops
    private let isWebSocket: Bool
    /// What has come of a WebSocket's frames.
    private var frames: [UInt8] = []
    private var decoder: Decoder?
    private var encoder = Encoder(.v5)
    private var unread: [UInt8] = []
    /// All that it was sent, but for what ``take()`` took.
    private var heard: [Packet] = []

    fileprivate init(_ listener: Listener, _ hub: SessionHub, _ door: Door, _ loops: Loops) throws {
        self.loops = loops
        isWebSocket = listener.form != .plain
        loops.add(channel.embeddedEventLoop)
        channel.remoteAddress = try SocketAddress(ipAddress: "127.0.0.1", port: 40_000)
        connection = ClientConnection(channel, from: channel.remoteAddress, listener: listener.name)
        try channel.pipeline.syncOperations.addHandler(mark)
        try listener.addHandlers(to: channel, connection, nil, hub, door)
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1_883), promise: nil)
        if isWebSocket { openWebSocket() }
    }

    private func openWebSocket() {
        let lines = [
            "GET / HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol: mqtt",
            "", "",
        ]
        send(Array(lines.joined(separator: "\r\n").utf8))
        loops.goOn()
        _ = bytes()
    }

    /// Whether the broker has not closed its side.
    var isOpen: Bool { channel.isActive }

    /// Whether its socket takes more.
    var isWritable: Bool {
        get { channel.isWritable }
        set { channel.isWritable = newValue }
    }

    /// Whether its socket tells within each write that it takes no more, and within each flush that it does again.
    var isFickle: Bool {
        get { mark.isFickle }
        set { mark.isFickle = newValue }
    }

    /// Sends a packet.
    func say(_ packet: Packet) {
        if case .connect(let connect) = packet { encoder = Encoder(connect.version) }
        let bytes = encoder.bytes(of: packet)
        send(isWebSocket ? Self.frame(bytes) : bytes)
        if packet.kind == .connect { loops.goOn() }
    }

    /// Sends a message.
    func publish(
        _ topic: String,
        _ text: String = "x",
        _ qos: QoS = .atMostOnce,
        id: UInt16 = 0,
        retain: Bool = false,
        isDuplicate: Bool = false,
        with properties: PropertyList = PropertyList()
    ) {
        let publish = Publish(
            topic: topic,
            payload: Array(text.utf8),
            qos: qos,
            retain: retain,
            isDuplicate: isDuplicate,
            packetID: id,
            properties: properties
        )
        say(.publish(publish))
    }

    /// Subscribes, and takes the answer.
    @discardableResult
    func subscribe(_ entries: SubscribeRequest.Entry..., identifier: UInt32? = nil) -> [ReasonCode] {
        var properties = PropertyList()
        if let identifier { properties.add(.subscriptionIdentifier, identifier) }
        say(.subscribe(SubscribeRequest(1_000, entries, properties: properties)))
        for (place, packet) in all().enumerated() {
            guard case .suback(let suback) = packet else { continue }
            heard.remove(at: place)
            return suback.reasons
        }
        return []
    }

    /// Bytes as a client sends them in one frame, or in another one of an opcode. The mask changes nothing.
    static func frame(_ bytes: [UInt8], opcode: UInt8 = 2) -> [UInt8] {
        let length: [UInt8] =
            bytes.count < 126
            ? [0x80 | UInt8(bytes.count)] : [0x80 | 126, UInt8(bytes.count >> 8), UInt8(bytes.count & 0xFF)]
        return [0x80 | opcode] + length + [0, 0, 0, 0] + bytes
    }

    /// Sends bytes, as of a packet or not. What its loop is to do later is done as well, unless that is left for now.
    func send(_ bytes: [UInt8], goesOn: Bool = true) {
        guard channel.isActive else { return }
        _ = try? channel.writeInbound(ByteBuffer(bytes: bytes))
        if goesOn { goOn() }
    }

    /// Has its loop do what is left.
    func goOn() { channel.embeddedEventLoop.run() }

    /// The connection is lost.
    func leave() { _ = try? channel.finish(acceptAlreadyClosed: true) }

    /// What has come since the last time.
    func take() -> [Packet] {
        defer { heard.removeAll() }
        return all()
    }

    /// The messages that have come since the last time, as text.
    func texts() -> [String] {
        take().compactMap { packet in
            guard case .publish(let publish) = packet else { return nil }
            return String(decoding: publish.payload, as: UTF8.self)
        }
    }

    /// The messages that have come since the last time.
    func messages() -> [Publish] {
        take().compactMap { packet in if case .publish(let publish) = packet { publish } else { nil } }
    }

    private func all() -> [Packet] {
        read()
        if decoder == nil { decoder = Decoder(.client, encoder.version) }
        if let packets = try? decoder?.packets(&unread) { heard += packets }
        return heard
    }

    /// What has come since the last time, byte for byte.
    func bytes() -> [UInt8] {
        read()
        defer { (unread, frames) = ([], []) }
        return unread
    }

    private func read() {
        while let buffer = try? channel.readOutbound(as: ByteBuffer.self) {
            let bytes = Array(buffer.readableBytesView)
            if isWebSocket { frames += bytes } else { unread += bytes }
        }
        // Short ones, as a server sends them.
        while frames.count >= 2, frames[1] < 126, frames.count >= 2 + Int(frames[1]) {
            let length = Int(frames[1])
            if frames[0] == 0x82 { unread += frames[2..<2 + length] }
            frames.removeFirst(2 + length)
        }
    }
}

/// Has a channel tell of its room as a socket's does whose high-water mark is low: from within writes and flushes.
private final class HighWaterMark: ChannelOutboundHandler {
    typealias OutboundIn = NIOCore.ByteBuffer

    var isFickle = false

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        context.write(data, promise: promise)
        tell(context, isWritable: false)
    }

    func flush(context: ChannelHandlerContext) {
        context.flush()
        tell(context, isWritable: true)
    }

    private func tell(_ context: ChannelHandlerContext, isWritable: Bool) {
        guard isFickle, let channel = context.channel as? EmbeddedChannel, channel.isWritable != isWritable else {
            return
        }
        channel.isWritable = isWritable
        channel.pipeline.fireChannelWritabilityChanged()
    }
}

extension [Packet] {
    var connack: Connack? {
        for case .connack(let connack) in self { return connack }
        return nil
    }

    /// Why the client is cut off.
    var reason: ReasonCode? {
        for case .disconnect(let disconnect) in self { return disconnect.reason }
        return nil
    }

    /// The kinds, one after the other.
    var kinds: [PacketKind] { map(\.kind) }
}
