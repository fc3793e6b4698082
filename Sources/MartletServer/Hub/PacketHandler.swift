import Martlet
import MartletMQTTWire
import NIOCore

/// A client's channel: bytes to packets, and what the hub has for it to bytes.
///
/// All packets of a read go to the hub at once; what it appends meanwhile is written by one flush.
final class PacketHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Phase {
        /// CONNECT is to come.
        case greeting
        /// CONNECT has come, and somebody is asked who the client is.
        case asking
        case connected
        /// Nothing more is heard.
        case closing
    }

    private let hub: SessionHub
    private let door: Door
    private let connection: ClientConnection
    private var phase = Phase.greeting
    private var decoder: Decoder
    private var received = ByteBuffer()
    private var timeout: Scheduled<Void>?

    init(_ hub: SessionHub, _ door: Door, _ connection: ClientConnection) {
        self.hub = hub
        self.door = door
        self.connection = connection
        decoder = Decoder(limits: hub.limits.wire)
    }

    // MARK: The channel

    /// A channel that has become a WebSocket is active when it is added to it.
    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { begin(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard timeout == nil else { return }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let limit = TimeAmount(hub.limits.connectTimeout)
        timeout = context.eventLoop.scheduleTask(in: limit) {
            let (handler, context) = bound.value
            if handler.phase == .greeting { handler.close(context) }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        timeout?.cancel()
        if phase == .connected { hub.lost(connection) }
        phase = .closing
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard phase != .closing else { return }
        var bytes = unwrapInboundIn(data)
        hub.countReceived(bytes.readableBytes)
        if received.readableBytes == 0 { received = bytes } else { received.writeBuffer(&bytes) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        readPackets(context)
        context.fireChannelReadComplete()
    }

    /// A client that is paused, or of which somebody is asked, is not read from.
    func read(context: ChannelHandlerContext) {
        guard phase == .closing || (phase != .asking && !connection.isPaused) else { return }
        context.read()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if phase == .connected { hub.setWritable(context.channel.isWritable, connection) }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is OutputIsThere else { return context.fireUserInboundEventTriggered(event) }
        let taken = connection.take(upTo: hub.lastWritten)
        if !taken.pieces.isEmpty { hub.countSent(taken.pieces.reduce(0) { $0 + $1.bytes.readableBytes }) }
        for piece in taken.pieces { context.write(wrapOutboundOut(piece.bytes), promise: nil) }
        context.flush()
        if taken.isClosing {
            close(context)
        } else if !taken.isWaiting, connection.takeReportsRoom() {
            if context.channel.isWritable { hub.setWritable(true, connection) }
        }
    }

    /// Closes it so that the client still gets what was written: what it sends meanwhile is not heard, and it has two
    /// seconds to close its side. Closed at once, with bytes unread, the socket would drop what is on its way.
    private func close(_ context: ChannelHandlerContext) {
        phase = .closing
        received = ByteBuffer()
        timeout?.cancel()
        let channel = context.channel
        context.close(mode: .output, promise: nil)
        // Whatever held it up: only what is read tells that the client has closed its side.
        context.read()
        context.eventLoop.scheduleTask(in: .seconds(2)) { channel.close(promise: nil) }
    }

    // MARK: Packets

    private func readPackets(_ context: ChannelHandlerContext) {
        guard phase != .closing, phase != .asking, received.readableBytes > 0 else { return }
        var buffer = ByteBuffer()
        swap(&buffer, &received)
        var packets: [Packet] = []
        let (count, fault) = decode(buffer, &packets)
        buffer.moveReaderIndex(forwardBy: count)
        if buffer.readableBytes > 0 {
            buffer.discardReadBytes()
            received = buffer
        }
        if phase == .greeting {
            greet(packets.first, fault, context)
        } else if !packets.isEmpty || fault != nil {
            if let fault { hub.log(fault, of: connection) }
            hub.receive(packets, fault, from: connection)
        }
    }

    /// Decodes all packets that have come, or CONNECT alone.
    ///
    /// - Returns: how many bytes they had, and what is wrong with what comes after them.
    private func decode(_ buffer: ByteBuffer, _ packets: inout [Packet]) -> (count: Int, WireFault?) {
        let bytes = buffer.readableBytesSpan
        var position = 0
        do {
            while position < bytes.byteCount {
                guard case .packet(let packet, let count) = try decoder.next(bytes, from: position) else { break }
                position += count
                packets.append(packet)
                if phase == .greeting { break }
            }
            return (position, nil)
        } catch {
            return (position, error)
        }
    }

    // MARK: CONNECT

    private func greet(_ packet: Packet?, _ fault: WireFault?, _ context: ChannelHandlerContext) {
        if let fault {
            hub.log(fault, of: connection)
            return refuse(fault.reason, fault.answer, context)
        }
        guard case .connect(let connect) = packet else { return }
        timeout?.cancel()
        if let problem = hub.problem(with: connect) { return refuse(problem, connect.version, context) }
        phase = .asking
        connection.certificate = ClientCertificate(of: context.channel)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        door.ask(connect, connection) { verdict in
            let (handler, context) = bound.value
            guard case .admitted = verdict, let earlier = handler.hub.connection(of: connect.clientID) else {
                return handler.enter(connect, verdict, context)
            }
            earlier.hearOut(on: context.eventLoop) {
                let (handler, context) = bound.value
                handler.enter(connect, verdict, context)
            }
        }
    }

    private func enter(_ connect: Connect, _ verdict: Door.Verdict, _ context: ChannelHandlerContext) {
        guard phase == .asking, context.channel.isActive else { return }
        switch verdict {
        case .refused(let reason):
            refuse(reason, connect.version, context)
        case .admitted(let user, let permissions):
            phase = .connected
            if let reason = hub.connect(connect, user: user, permissions, by: connection) {
                return refuse(reason, connect.version, context)
            }
            context.triggerUserOutboundEvent(HasConnected(), promise: nil)
            if !context.channel.isWritable { hub.setWritable(false, connection) }
            // The client need not have waited for the answer.
            readPackets(context)
            context.read()
        }
    }

    /// Does not let a client in, and tells it why if it can be told.
    private func refuse(_ reason: ReasonCode, _ version: ProtocolVersion?, _ context: ChannelHandlerContext) {
        if let version, let answer = Encoder(version).refusal(reason) {
            context.write(wrapOutboundOut(ByteBuffer(bytes: answer)), promise: nil)
            context.flush()
        }
        close(context)
    }
}
