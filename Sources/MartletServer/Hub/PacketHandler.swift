import Martlet
import MartletMQTTWire
import NIOCore

/// A client's channel: bytes to packets, and what the hub has for it to bytes.
///
/// The packets of a read go to the hub together; what it appends meanwhile is written by one flush. A client that says much has
/// its turn like any other, and then the others have theirs.
final class PacketHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Phase {
        /// CONNECT is to come.
        case greeting
        /// CONNECT has come, and somebody is asked who the client is.
        case asking
        /// The client is to say more of who it is, by AUTH.
        case proving
        case connected
        /// Nothing more is heard.
        case closing
    }

    /// What is known of a client that authenticates itself by a method of MQTT 5.
    private final class Proof {
        let credentials: ClientCredentials
        /// `nil`: the client has been let in.
        var connect: Connect?
        var authentication: Authentication
        /// What answers its client next; `nil`: it is being asked, or no authentication is under way.
        var exchange: (any AuthenticationExchange)?

        init(_ credentials: ClientCredentials, _ connect: Connect, _ authentication: Authentication) {
            self.credentials = credentials
            self.connect = connect
            self.authentication = authentication
        }
    }

    /// So many packets of one client are taken at a time; until they are done, all others wait. Fewer at a time cost more, since
    /// what comes of them is written each time: with about 20, a message to ten subscribers took 1.6 times as long.
    private static let turn = 256

    private let hub: SessionHub
    private let door: Door
    private let connection: ClientConnection
    private var phase = Phase.greeting
    private var decoder: Decoder
    private var received = ByteBuffer()
    private var timeout: Scheduled<Void>?
    /// Whether packets have come that are yet to be taken.
    private var hasMore = false
    private var isWriting = false
    /// Whether there may be something to write.
    private var isWanted = false
    /// `nil`: the client has named no method.
    private var proof: Proof?

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
        limit(to: hub.limits.connectTimeout, context) { handler, context in
            if handler.phase == .greeting { handler.close(context) }
        }
    }

    /// Has something be done when it takes too long, unless ``timeout`` is cancelled before.
    private func limit(
        to time: Duration,
        _ context: ChannelHandlerContext,
        _ body: @escaping @Sendable (PacketHandler, ChannelHandlerContext) -> Void
    ) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        timeout = context.eventLoop.scheduleTask(in: TimeAmount(time)) { body(bound.value.0, bound.value.1) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        timeout?.cancel()
        // A client may say its last in one breath with its end.
        readRest(context)
        // Of one that has said more than its CONNECT it is still to be known who it was.
        if phase != .asking || received.readableBytes == 0 { leave() }
        context.fireChannelInactive()
    }

    /// The client has gone.
    private func leave() {
        if phase == .connected { hub.lost(connection) }
        phase = .closing
        received = ByteBuffer()
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

    /// A client that is paused, or of which somebody is asked, is not read from. What has come before goes first.
    func read(context: ChannelHandlerContext) {
        guard mayRead else { return }
        if hasMore { readPackets(context) }
        if mayRead { context.read() }
    }

    private var mayRead: Bool { phase == .closing || (phase != .asking && !connection.isPaused) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if phase == .connected {
            writeOutput(context)
            hub.setWritable(context.channel.isWritable, connection)
        }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is OutputIsThere else { return context.fireUserInboundEventTriggered(event) }
        writeOutput(context)
    }

    /// Writes what there is. A channel tells of its room from within a write or a flush: what is wanted by then is written after
    /// what has been taken.
    private func writeOutput(_ context: ChannelHandlerContext) {
        isWanted = true
        guard !isWriting else { return }
        isWriting = true
        var (isClosing, makesRoom) = (false, false)
        while isWanted, !isClosing {
            isWanted = false
            let taken = connection.take(upTo: hub.lastWritten, isWritable: context.channel.isWritable)
            if !taken.pieces.isEmpty { hub.countSent(taken.pieces.reduce(0) { $0 + $1.bytes.readableBytes }) }
            for piece in taken.pieces { context.write(wrapOutboundOut(piece.bytes), promise: nil) }
            context.flush()
            isClosing = taken.isClosing
            makesRoom = makesRoom || taken.makesRoom
        }
        isWriting = false
        if isClosing {
            close(context)
        } else if makesRoom, context.channel.isWritable {
            hub.setWritable(true, connection)
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
        context.eventLoop.scheduleTask(in: .seconds(2)) { SocketWatch.closeSocket(of: channel) }
    }

    // MARK: Packets

    /// Takes what has come, as far as one turn goes; then others have theirs before the rest is taken.
    private func readPackets(_ context: ChannelHandlerContext) {
        readTurn(context)
        guard hasMore, !connection.isPaused else { return }
        connection.pause()
        context.eventLoop.execute { [connection] in connection.resume() }
    }

    /// Takes all that has come of a client that has gone.
    private func readRest(_ context: ChannelHandlerContext) {
        repeat { readTurn(context) } while hasMore
    }

    private func readTurn(_ context: ChannelHandlerContext) {
        hasMore = false
        guard phase != .closing, phase != .asking, received.readableBytes > 0 else { return }
        var buffer = ByteBuffer()
        swap(&buffer, &received)
        var packets: [Packet] = []
        let (count, fault) = decode(buffer, &packets)
        buffer.moveReaderIndex(forwardBy: count)
        hasMore = packets.count == Self.turn && fault == nil
        if buffer.readableBytes > 0 {
            if !hasMore { buffer.discardReadBytes() }
            received = buffer
        }
        switch phase {
        case .greeting: greet(packets.first, fault, context)
        case .proving: goOn(packets.first, fault, context)
        case .asking, .closing: break
        case .connected:
            guard !packets.isEmpty || fault != nil else { break }
            connection.finishPacket()
            if let fault { hub.log(fault, of: connection) }
            if let data = hub.receive(packets, fault, from: connection) { authenticateAnew(data, context) }
        }
    }

    /// Decodes packets that have come: some, or one alone of a client of whom it is not known who it is.
    ///
    /// - Returns: how many bytes they had, and what is wrong with what comes after them.
    private func decode(_ buffer: ByteBuffer, _ packets: inout [Packet]) -> (count: Int, WireFault?) {
        let bytes = buffer.readableBytesSpan
        var position = 0
        do {
            while position < bytes.byteCount, packets.count < Self.turn {
                guard case .packet(let packet, let count) = try decoder.next(bytes, from: position) else { break }
                position += count
                packets.append(packet)
                if phase != .connected { break }
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
        connection.certificate = ClientCertificate(of: context.channel)
        let credentials = ClientCredentials(connect, connection)
        guard let authentication = Authentication(connect) else {
            phase = .asking
            return door.ask(credentials, connection, decision(on: connect, context))
        }
        guard let exchange = door.exchange(by: authentication.method, credentials) else {
            return refuse(.badAuthenticationMethod, connect.version, context)
        }
        limit(to: hub.limits.authenticationTimeout, context) { handler, context in
            handler.refuse(.notAuthorized, .v5, context)
        }
        // Nobody knows yet who it is: it has no more room than for its CONNECT.
        decoder.limits.packetBytes = min(hub.limits.wire.packetBytes, hub.limits.wire.connectBytes)
        let proof = Proof(credentials, connect, authentication)
        self.proof = proof
        prove(connect.properties.data(.authenticationData) ?? [], connect, exchange, proof, context)
    }

    /// What is done with a verdict on a client that wants to be let in.
    private func decision(
        on connect: Connect,
        _ context: ChannelHandlerContext
    ) -> @Sendable (Door.Verdict) -> Void {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        return { verdict in
            let (handler, context) = bound.value
            handler.act(on: verdict, connect, context)
        }
    }

    private func act(on verdict: Door.Verdict, _ connect: Connect, _ context: ChannelHandlerContext) {
        guard phase == .asking else { return }
        switch verdict {
        case .refused(let reason, let text):
            if let text { hub.log(text, reason, of: connection) }
            refuse(reason, connect.version, context)
        case .proceeds(let data, let exchange):
            proceed(data, exchange, connect, context)
        case .admitted(let admission):
            timeout?.cancel()
            guard let earlier = hub.connection(of: connect.clientID) else { return enter(connect, admission, context) }
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            earlier.hearOut(on: context.eventLoop) {
                let (handler, context) = bound.value
                handler.enter(connect, admission, context)
            }
        }
    }

    private func enter(_ connect: Connect, _ admission: Door.Admission, _ context: ChannelHandlerContext) {
        guard phase == .asking else { return }
        // One that has gone takes no place from a connection that its client has made since.
        if !context.channel.isActive, let other = hub.connection(of: connect.clientID),
            other.number > connection.number
        {
            return leave()
        }
        phase = .connected
        connection.finishPacket()
        proof?.connect = nil
        decoder.limits = hub.limits.wire
        let refusal = hub.connect(connect, admission, by: connection) { door.permissions(clientID: $0, user: $1) }
        if let refusal { return refuse(refusal, connect.version, context) }
        context.triggerUserOutboundEvent(HasConnected(), promise: nil)
        if !context.channel.isWritable { hub.setWritable(false, connection) }
        // The client need not have waited for the answer, nor be there for it.
        guard context.channel.isActive else {
            readRest(context)
            return leave()
        }
        readPackets(context)
        if mayRead { context.read() }
    }

    // MARK: AUTH

    /// Has it decided about what a client says of who it is, before it is let in.
    private func prove(
        _ data: [UInt8],
        _ connect: Connect,
        _ exchange: any AuthenticationExchange,
        _ proof: Proof,
        _ context: ChannelHandlerContext
    ) {
        phase = .asking
        door.ask(exchange, data, proof.credentials, connection, decision(on: connect, context))
    }

    /// Asks the client for more.
    private func proceed(
        _ data: [UInt8],
        _ exchange: any AuthenticationExchange,
        _ connect: Connect,
        _ context: ChannelHandlerContext
    ) {
        guard let proof else { return }
        let packet = Encoder(connect.version).bytes(of: .auth(proof.authentication.proceed(data)))
        guard packet.count <= connect.properties.number(.maximumPacketSize).map({ Int($0) }) ?? .max else {
            return refuse(.packetTooLarge, connect.version, context)
        }
        proof.exchange = exchange
        phase = .proving
        context.write(wrapOutboundOut(ByteBuffer(bytes: packet)), promise: nil)
        context.flush()
        readPackets(context)
        context.read()
    }

    /// Takes what a client says that is to say more: AUTH, or that it goes (3.1.2-30).
    private func goOn(_ packet: Packet?, _ fault: WireFault?, _ context: ChannelHandlerContext) {
        guard let proof, let connect = proof.connect else { return }
        do throws(WireFault) {
            if let fault { throw fault }
            switch packet {
            case nil: break
            case .auth(let auth):
                let data = try proof.authentication.receive(auth)
                guard let exchange = proof.exchange.take() else { return }
                prove(data, connect, exchange, proof, context)
            case .disconnect: close(context)
            default: throw WireFault(.protocolError, "it sends something else before its authentication is done")
            }
        } catch {
            hub.log(error, of: connection)
            refuse(error.reason, connect.version, context)
        }
    }

    /// Has it decided about what a client says that authenticates itself anew. Until then it goes on as who it was.
    private func authenticateAnew(_ data: [UInt8], _ context: ChannelHandlerContext) {
        guard let proof else { return }
        let method = proof.authentication.method
        guard let exchange = proof.exchange.take() ?? door.exchange(by: method, proof.credentials) else {
            return hub.authenticated(connection, .refused(.notAuthorized))
        }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        door.ask(exchange, data, proof.credentials, connection) { verdict in
            let handler = bound.value
            switch verdict {
            case .proceeds(_, let exchange): handler.proof?.exchange = exchange
            case .refused(let reason, let text?): handler.hub.log(text, reason, of: handler.connection)
            case .admitted, .refused: break
            }
            handler.hub.authenticated(handler.connection, verdict)
        }
    }

    // MARK: Refusing

    /// Does not let a client in, and tells it why if it can be told.
    private func refuse(_ reason: ReasonCode, _ version: ProtocolVersion?, _ context: ChannelHandlerContext) {
        if let version, let answer = Encoder(version).refusal(reason) {
            context.write(wrapOutboundOut(ByteBuffer(bytes: answer)), promise: nil)
            context.flush()
        }
        close(context)
    }
}
