import CMosquitto
import Martlet
import MartletMQTTWire
import MartletTransport

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A libmosquitto client: the one owner of its handle, and of the guarded link by which it reaches the broker.
///
/// It is used on its session's loop alone. Packets are only queued by the calls that make them and written by
/// ``flush()``: so many of them share a system call's worth of work, and a message is with its reader before the
/// acknowledgement of it is sent. That is what telling the library of threads is for, of which there are none here.
///
/// The library connects and subscribes. In messages it has no part: whoever publishes them keeps them until the broker has
/// confirmed them, and what is received is read here.
final class Mosquitto {
    /// What an event of the library leads to. Called on the loop, while the library is in the middle of something:
    /// whoever is called must not call the library back.
    protocol Delegate: AnyObject {
        func mosquittoConnected(_ acknowledgement: ConnectAcknowledgement)
        func mosquittoDisconnected(_ reason: CInt)
        func mosquittoReceived(_ message: ReceivedMessage)
        /// The broker has said something of a message that was sent to it.
        func mosquittoAnswered(_ answer: PacketGuard.Answer)
        func mosquittoSubscribed(_ identifier: CInt, granted: CInt, _ words: BrokerWords)
        func mosquittoUnsubscribed(_ identifier: CInt)
        /// A message came that is handed to nobody.
        func mosquittoRefusedMessage()
    }

    /// The library is set up once a process and never taken down: another part of the program may use it too.
    private static let library: CInt = mosquitto_lib_init()

    private let handle: OpaquePointer
    private let version: MQTTVersion
    /// For messages.
    private let encoder: Encoder
    /// The packet identifier that the library has given last; 0 before the first.
    private(set) var latestNumber: UInt16 = 0
    /// Outlives the handle, whose callbacks it is what they find.
    private let context: Context
    /// Whether the library has been told to end the link.
    private var isLeaving = false

    /// What the library's callbacks are given.
    private final class Context {
        weak var delegate: (any Delegate)?
        let version: MQTTVersion
        let link: GuardedLink

        init(version: MQTTVersion, link: GuardedLink) {
            self.version = version
            self.link = link
        }
    }

    init(_ options: MQTTOptions, clientID: String, wire: WireCoding) throws {
        guard Self.library == MOSQ_ERR_SUCCESS.rawValue else {
            throw MessagingError(.unsupported, "libmosquitto could not be set up: \(Self.text(Self.library))")
        }
        version = options.version
        encoder = Encoder(options.version == .v5 ? .v5 : .v311)
        context = Context(
            version: options.version,
            link: GuardedLink(PacketGuard(options.version, options.limits))
        )
        let clean = options.session == .clean
        guard let handle = mosquitto_new(clientID, clean, Unmanaged.passUnretained(context).toOpaque()) else {
            throw MessagingError(.invalidArgument, "libmosquitto takes no client identifier \(quoted(clientID))")
        }
        self.handle = handle
        // From here on `deinit` frees the handle.
        try set(MOSQ_OPT_PROTOCOL_VERSION, options.version == .v5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311)
        try set(MOSQ_OPT_TCP_NODELAY, 1)
        if options.version == .v5 { try set(MOSQ_OPT_RECEIVE_MAXIMUM, CInt(options.receiveMaximum)) }
        try check(mosquitto_threaded_set(handle, true), "preparing the client")
        if let username = options.username {
            try check(mosquitto_username_pw_set(handle, username, options.password), "the user name or password")
        }
        if let will = options.connection.will { try setWill(will, wire) }
        setCallbacks()
    }

    deinit {
        mosquitto_destroy(handle)
    }

    private var link: GuardedLink { context.link }

    weak var delegate: (any Delegate)? {
        get { context.delegate }
        set { context.delegate = newValue }
    }

    private func set(_ option: mosq_opt_t, _ value: CInt) throws {
        try check(mosquitto_int_option(handle, option, value), "an option of libmosquitto")
    }

    private func setWill(_ will: Will, _ wire: WireCoding) throws {
        var headers = PropertyList()
        if version == .v5 { try headers.add(will.message.headers) }
        let properties = try MosquittoProperties(headers)
        let list = properties.list
        let payload = try wire.payload(of: will.message, version)
        guard payload.count <= TextRules.longest else {
            throw MessagingError(
                .invalidArgument,
                "the will's message has \(payload.count) bytes as MQTT carries it, and may have \(TextRules.longest)"
            )
        }
        let topic = try WireNames.mqtt.topic(will.topic)
        let code = payload.withUnsafeBufferPointer { payload in
            mosquitto_will_set_v5(
                handle,
                topic,
                CInt(payload.count),
                payload.baseAddress,
                1,
                will.retain,
                list
            )
        }
        try check(code, "the will")
        // The library owns them once it has taken them.
        properties.disown()
    }

    // MARK: The link

    /// The socket to the broker, while there is one.
    var descriptor: CInt? { link.descriptor }

    /// Whether the library has a link.
    private var hasLink: Bool { mosquitto_socket(handle) >= 0 }

    /// Whether the link is over. One that this side has ended is over once the broker has ended it, which a read throws.
    var hasEnded: Bool { !hasLink && !isLeaving }

    /// Whether there is something to write that the socket did not take.
    var wantsToWrite: Bool { link.hasOutput || hasLink && mosquitto_want_write(handle) }

    /// Whether there may be something to read that the socket says nothing of.
    var readsAhead: Bool { link.readsAhead }

    /// See `SocketStream.takePause()`.
    func takePause() -> Bool { link.takePause() }

    /// The largest packet that the broker takes; `nil` if it has not said.
    var maximumPacketSize: Int? { link.rules.maximumPacketSize }

    /// What the broker said of its reason to end the link.
    var farewell: BrokerWords { link.rules.farewell }

    /// Whether it was the other side that ended the latest link.
    var wasCut: Bool { link.wasCut }

    /// Begins to connect, without blocking.
    ///
    /// - Parameter tls: what secures the link; `nil`: nothing.
    func connect(
        to address: SocketAddress,
        keepAlive: Duration,
        tls: TLSContext?,
        _ properties: PropertyList
    ) throws {
        isLeaving = false
        let properties = try MosquittoProperties(properties)
        let seconds = CInt(keepAlive.components.seconds)
        if let list = properties.list {
            // The library takes the properties of CONNECT by no function but one that blocks until there is a link.
            connectNowhere(keepAlive: seconds, list)
        }
        let code = mosquitto_connect_bind_async(handle, address.host, CInt(address.port), seconds, nil)
        guard code == MOSQ_ERR_SUCCESS.rawValue else { throw failure(code) }
        try link.open(inPlaceOf: mosquitto_socket(handle), tls: tls)
        link.onUnusable = { [weak context] in context?.delegate?.mosquittoRefusedMessage() }
    }

    /// Lets the library connect to an address that can't be connected to: port 0 is a Unix socket's, and this path is
    /// too long for one. The library takes note of the properties and closes its socket.
    private func connectNowhere(keepAlive: CInt, _ properties: OpaquePointer?) {
        let nowhere = String(repeating: "/", count: 512)
        _ = mosquitto_connect_bind_v5(handle, nowhere, 0, keepAlive, nil, properties)
    }

    /// Goes on with connecting and TLS. To be called when the socket is ready.
    ///
    /// - Returns: whether bytes can be read and written.
    func advance() throws -> Bool { try link.isOpen || link.advance() }

    /// What the socket is to be watched for.
    func interest(reads: Bool) -> Interest { link.interest(reads: reads, writes: wantsToWrite) }

    /// Whether there may be something to read, as the socket is ready for this.
    func canRead(_ ready: Interest) -> Bool { link.canRead(ready) }

    /// Whether the socket had nothing more when it was read last.
    private(set) var hasReadDry = false

    /// Has messages with a guarantee stay with the broker; see ``GuardedLink/withhold(_:)``.
    func withhold(_ withholds: Bool) -> Bool { link.withhold(withholds) }

    /// How many bytes of them have been read.
    var withheldBytes: Int { link.withheldBytes }

    /// Reads once from the broker, and hands over what has come.
    ///
    /// - Returns: whether anything has.
    func read() throws -> Bool {
        let hadReleased = link.hasReleased
        let count = try link.fill()
        // TLS gives a record at most, whatever the socket has.
        hasReadDry = count == 0 || !link.readsAhead && count < GuardedLink.roundBytes
        guard count > 0 || hadReleased else { return false }
        // What comes after this side's goodbye is for nobody.
        if isLeaving, !hasLink { link.dropInput() }
        while hasLink, let next = try link.nextInput() { try hand(next) }
        return hasLink
    }

    private func hand(_ input: GuardedLink.Input) throws {
        switch input {
        case .packets(let packets, var bytes):
            while bytes > 0, hasLink {
                bytes -= try link.pass(bytes)
                try readLibrary(atMost: packets)
            }
        case .replacement(let bytes): try tell(bytes)
        case .message(let message, let answer):
            delegate?.mosquittoReceived(message)
            if !answer.isEmpty { link.say(answer) }
        case .answer(let answer):
            delegate?.mosquittoAnswered(answer)
        }
    }

    /// Lets the library read something that stands in no packet of the broker.
    private func tell(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { bytes in
            var position = 0
            while position < bytes.count, hasLink {
                position += try link.write(UnsafeRawBufferPointer(rebasing: bytes[position...]))
                try readLibrary()
            }
        }
    }

    /// Has the library read all that there is for it.
    ///
    /// - Parameter packets: how many that is at most. The library reads at least one in each call, so that it need not find
    ///   out by a system call that there are no more.
    private func readLibrary(atMost packets: Int = .max) throws {
        var packets = packets
        while hasLink, packets > 0 {
            // The library looks at what the last system call left there, be it one of hers or not.
            errno = 0
            let code = mosquitto_loop_read(handle, 1)
            let wouldBlock = errno == EAGAIN || errno == EWOULDBLOCK
            guard code == MOSQ_ERR_SUCCESS.rawValue else { throw failure(code) }
            packets -= 1
            // It stops as well where it was something else that would have blocked.
            if packets > 0, wouldBlock, hasReadAll { return }
        }
    }

    private var hasReadAll: Bool {
        var byte: UInt8 = 0
        return recv(mosquitto_socket(handle), &byte, 1, CInt(MSG_PEEK) | CInt(MSG_DONTWAIT)) < 0
    }

    /// Writes what is queued, as far as the socket takes it.
    func flush() throws {
        guard link.isOpen else { return }
        repeat {
            try collect()
            try link.send()
        } while hasLink && mosquitto_want_write(handle) && !link.hasOutput
    }

    /// Has the library write what it has queued. It writes at no other time.
    private func collect() throws {
        guard hasLink, mosquitto_want_write(handle) else { return }
        errno = 0
        let code = mosquitto_loop_write(handle, 1)
        guard code == MOSQ_ERR_SUCCESS.rawValue else { throw failure(code) }
        try link.collect()
    }

    /// Asks the broker whether it is there. The library does not: what it hears of the broker is too little to tell.
    ///
    /// - Returns: how many bytes the link carries up to the end of that.
    func ping() -> Int {
        link.say(encoder.bytes(of: .pingreq))
        return link.writtenOrWaiting
    }

    /// How many of the link's bytes have arrived at the broker's system.
    var arrivedBytes: Int { link.arrivedBytes }

    /// How far what was given to the link has come. What the library has only queued is not yet of it.
    var traffic: LinkTraffic { LinkTraffic(given: link.writtenOrWaiting, arrived: link.arrivedBytes) }

    /// Whether something was sent since this was asked last.
    func takeHasSent() -> Bool { link.takeHasSent() }

    /// Queues the orderly end of the link.
    func disconnect() {
        isLeaving = true
        _ = mosquitto_disconnect_v5(handle, 0, nil)
    }

    /// Ends the link as a pulled cable would, so that the broker publishes the will. What has come until then is read.
    func abort() {
        link.shutDown()
        drain()
        link.endInput()
        // The library closes its socket once it sees the end of what comes.
        try? readLibrary()
        link.close()
    }

    /// Reads what has come, as far as it goes: it may say why nothing can be written.
    func drain() {
        guard link.isOpen else { return }
        for _ in 0..<256 where (try? read()) != true { return }
    }

    // MARK: Packets

    /// Writes a message, behind what the library has queued. It is not kept here.
    func publish(_ message: Publish) throws {
        let packet = encoder.bytes(of: .publish(message))
        try checkSize(of: packet)
        while hasLink, mosquitto_want_write(handle) { try collect() }
        link.say(packet)
    }

    /// Allows the broker to forget a message of QoS 2 that it has received.
    func release(_ identifier: UInt16) { link.say(PacketGuard.packet(.pubrel, identifier)) }

    private func checkSize(of packet: [UInt8]) throws {
        // What follows the length has as many bytes at most as the length can say (MQTT 5, 1.5.5).
        let limit = min(maximumPacketSize ?? .max, 5 + 268_435_455)
        guard packet.count > limit else { return }
        throw MessagingError(
            .bodyTooLarge,
            "a packet of \(packet.count) bytes is too large for the broker, which takes \(limit)"
        )
    }

    /// Queues a subscription.
    ///
    /// - Parameter options: MQTT 5's subscription options, apart from the quality.
    func subscribe(
        to filter: String,
        quality: CInt,
        options: CInt,
        _ properties: PropertyList
    ) throws -> CInt {
        let properties = try MosquittoProperties(properties)
        var identifier: CInt = 0
        try check(
            mosquitto_subscribe_v5(handle, &identifier, filter, quality, options, properties.list),
            "subscribing to \(quoted(filter))"
        )
        latestNumber = UInt16(truncatingIfNeeded: identifier)
        return identifier
    }

    /// Queues the end of a subscription.
    ///
    /// - Returns: its packet identifier.
    func unsubscribe(from filter: String) -> CInt {
        var identifier: CInt = 0
        let code = mosquitto_unsubscribe_v5(handle, &identifier, filter, nil)
        if code == MOSQ_ERR_SUCCESS.rawValue { latestNumber = UInt16(truncatingIfNeeded: identifier) }
        return identifier
    }

    // MARK: Errors

    private func check(_ code: CInt, _ what: @autoclosure () -> String) throws {
        guard code != MOSQ_ERR_SUCCESS.rawValue else { return }
        throw MessagingError(Self.kind(of: code), "\(what()): \(Self.text(code))")
    }

    /// Why the link has come to nothing.
    private func failure(_ code: CInt) -> MessagingError {
        let system = errno
        if code == MOSQ_ERR_ERRNO.rawValue, system != 0 {
            return MessagingError(.connectionLost, "the link failed: \(String(cString: strerror(system)))")
        }
        return MessagingError(.connectionLost, "the link failed: \(Self.text(code))")
    }

    private static func kind(of code: CInt) -> MessagingError.Code {
        switch mosq_err_t(rawValue: code) {
        case MOSQ_ERR_PAYLOAD_SIZE, MOSQ_ERR_OVERSIZE_PACKET: .bodyTooLarge
        case MOSQ_ERR_QOS_NOT_SUPPORTED, MOSQ_ERR_RETAIN_NOT_SUPPORTED, MOSQ_ERR_NOT_SUPPORTED: .unsupported
        case MOSQ_ERR_NO_CONN, MOSQ_ERR_CONN_LOST: .connectionLost
        default: .invalidArgument
        }
    }

    private static func text(_ code: CInt) -> String {
        String(cString: mosquitto_strerror(code))
    }

    // MARK: Callbacks

    private func setCallbacks() {
        mosquitto_connect_v5_callback_set(handle) { _, context, reason, flags, properties in
            Mosquitto.withContext(context) { context in
                context.delegate?.mosquittoConnected(
                    ConnectAcknowledgement(
                        reason: reason,
                        flags: flags,
                        properties,
                        context.version,
                        maximumPacketBytes: context.link.rules.maximumPacketSize
                    )
                )
            }
        }
        mosquitto_disconnect_v5_callback_set(handle) { _, context, reason, _ in
            Mosquitto.withContext(context) { $0.delegate?.mosquittoDisconnected(reason) }
        }
        mosquitto_subscribe_v5_callback_set(handle) { _, context, identifier, count, granted, properties in
            Mosquitto.withContext(context) { context in
                guard let granted, count > 0 else { return }
                context.delegate?.mosquittoSubscribed(
                    identifier,
                    granted: granted[0],
                    MosquittoProperties.words(properties)
                )
            }
        }
        mosquitto_unsubscribe_v5_callback_set(handle) { _, context, identifier, _ in
            Mosquitto.withContext(context) { $0.delegate?.mosquittoUnsubscribed(identifier) }
        }
    }

    /// What a callback is given. The library looks at `errno` afterwards as if it had made the last system call itself.
    private static func withContext(_ pointer: UnsafeMutableRawPointer?, _ body: (Context) -> Void) {
        body(context(pointer))
        errno = 0
    }

    private static func context(_ pointer: UnsafeMutableRawPointer?) -> Context {
        // The pointer is what `init` gave the library; its owner destroys the handle before it goes.
        // swift-format-ignore: NeverForceUnwrap
        Unmanaged<Context>.fromOpaque(pointer!).takeUnretainedValue()
    }
}
