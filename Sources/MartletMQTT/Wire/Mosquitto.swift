import CMosquitto
import Martlet
import MartletTransport

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A libmosquitto client: the one owner of its handle.
///
/// It is used on its session's loop alone. Packets are only queued by the calls that make them and written by
/// ``flush()``: so many of them share a system call's worth of work, and a message is with its reader before the
/// acknowledgement of it is sent. That is what telling the library of threads is for, of which there are none here.
final class Mosquitto {
    /// What an event of the library leads to. Called on the loop, while the library is in the middle of something:
    /// whoever is called must not call the library back.
    protocol Delegate: AnyObject {
        func mosquittoConnected(_ acknowledgement: ConnectAcknowledgement)
        func mosquittoDisconnected(_ reason: CInt)
        func mosquittoReceived(_ message: ReceivedMessage)
        func mosquittoPublished(_ identifier: CInt, reason: CInt)
        func mosquittoSubscribed(_ identifier: CInt, granted: CInt)
        func mosquittoUnsubscribed(_ identifier: CInt)
    }

    /// The library is set up once a process and never taken down: another part of the program may use it too.
    private static let library: CInt = mosquitto_lib_init()

    private let handle: OpaquePointer
    private let version: MQTTVersion
    /// Outlives the handle, whose callbacks it is what they find.
    private let context: Context
    /// What links are secured by.
    private var tls: TLSContext?

    /// What the library's callbacks are given.
    private final class Context {
        weak var delegate: (any Delegate)?
        let version: MQTTVersion
        /// While packets are being written the library tells of messages without a guarantee as if they had been
        /// confirmed, under identifiers that others may have as well.
        var isWriting = false
        /// Whether the broker has accepted the latest link.
        var isAccepted = false

        init(version: MQTTVersion) {
            self.version = version
        }
    }

    init(_ options: MQTTOptions, clientID: String, wire: WireCoding) throws {
        guard Self.library == MOSQ_ERR_SUCCESS.rawValue else {
            throw MessagingError(.unsupported, "libmosquitto could not be set up: \(Self.text(Self.library))")
        }
        version = options.version
        context = Context(version: options.version)
        let clean = options.session == .clean
        guard let handle = mosquitto_new(clientID, clean, Unmanaged.passUnretained(context).toOpaque()) else {
            throw MessagingError(.invalidArgument, "libmosquitto takes no client identifier \(quoted(clientID))")
        }
        self.handle = handle
        // From here on `deinit` frees the handle.
        try set(MOSQ_OPT_PROTOCOL_VERSION, options.version == .v5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311)
        try set(MOSQ_OPT_TCP_NODELAY, 1)
        try set(MOSQ_OPT_SEND_MAXIMUM, CInt(options.maximumInFlight))
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

    weak var delegate: (any Delegate)? {
        get { context.delegate }
        set { context.delegate = newValue }
    }

    private func set(_ option: mosq_opt_t, _ value: CInt) throws {
        try check(mosquitto_int_option(handle, option, value), "an option of libmosquitto")
    }

    private func setWill(_ will: Will, _ wire: WireCoding) throws {
        var properties = MosquittoProperties(version)
        try properties.add(will.message.headers)
        let list = properties.list
        let payload = try wire.payload(of: will.message, version)
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

    /// Secures later links.
    func secure(by tls: TLSContext) throws {
        guard tls !== self.tls else { return }
        // The context is complete. By default the library wants to set it up further, from options of its own.
        try set(MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0)
        let context = UnsafeMutableRawPointer(tls.handle)
        try check(mosquitto_void_option(handle, MOSQ_OPT_SSL_CTX, context), "setting up TLS")
        self.tls?.dropLostReference()
        self.tls = tls
    }

    // MARK: The link

    /// The socket, while there is one.
    var socket: CInt? {
        let socket = mosquitto_socket(handle)
        return socket < 0 ? nil : socket
    }

    /// Whether there is something to write that the socket did not take.
    var wantsToWrite: Bool { mosquitto_want_write(handle) }

    /// Begins to connect, without blocking.
    func connect(to address: SocketAddress, keepAlive: Duration, _ properties: borrowing MosquittoProperties) throws {
        context.isAccepted = false
        let seconds = CInt(keepAlive.components.seconds)
        if let list = properties.list {
            // The library takes the properties of CONNECT by no function but one that blocks until there is a link.
            connectNowhere(keepAlive: seconds, list)
        }
        let code = mosquitto_connect_bind_async(handle, address.host, CInt(address.port), seconds, nil)
        guard code == MOSQ_ERR_SUCCESS.rawValue else { throw failure(code) }
    }

    /// Lets the library connect to an address that can't be connected to: port 0 is a Unix socket's, and this path is
    /// too long for one. The library takes note of the properties and closes its socket.
    private func connectNowhere(keepAlive: CInt, _ properties: OpaquePointer?) {
        let nowhere = String(repeating: "/", count: 512)
        _ = mosquitto_connect_bind_v5(handle, nowhere, 0, keepAlive, nil, properties)
    }

    /// Takes in what has arrived, at most so many packets.
    ///
    /// - Returns: whether there may be more.
    func read(packets: Int) throws -> Bool {
        for _ in 0..<packets {
            // The library looks at what the last system call left there, be it one of hers or not.
            errno = 0
            let code = mosquitto_loop_read(handle, 1)
            let wouldBlock = errno == EAGAIN || errno == EWOULDBLOCK
            guard code == MOSQ_ERR_SUCCESS.rawValue else { throw failure(code) }
            // After the broker's farewell the library has closed the socket itself.
            if wouldBlock || socket == nil { return false }
        }
        return true
    }

    /// Writes what is queued, as far as the socket takes it.
    func flush() throws {
        guard mosquitto_want_write(handle) else { return }
        context.isWriting = true
        defer { context.isWriting = false }
        errno = 0
        let code = mosquitto_loop_write(handle, 1)
        guard code == MOSQ_ERR_SUCCESS.rawValue else { throw failure(code) }
    }

    /// Lets the library ask the broker whether it is there, if it is time.
    func keepAlive() throws {
        let code = mosquitto_loop_misc(handle)
        guard code == MOSQ_ERR_SUCCESS.rawValue else { throw failure(code) }
    }

    /// Queues the orderly end of the link.
    func disconnect() {
        _ = mosquitto_disconnect_v5(handle, 0, nil)
    }

    /// Ends the link as a pulled cable would, so that the broker publishes the will.
    func abort() {
        guard let socket else { return }
        _ = shutdown(socket, CInt(SHUT_RDWR))
        // The library closes its socket once it sees the end of what comes. In a TLS handshake it does not: there it
        // tries again and again.
        if context.isAccepted {
            for _ in 0..<1_000 where self.socket != nil {
                if (try? read(packets: 1_000)) == nil { break }
            }
        }
        if self.socket != nil { connectNowhere(keepAlive: 0, nil) }
    }

    // MARK: Packets

    /// Queues a message.
    ///
    /// - Returns: its packet identifier.
    func publish(
        _ payload: [UInt8],
        to topic: String?,
        quality: CInt,
        retain: Bool,
        _ properties: borrowing MosquittoProperties
    ) throws -> CInt {
        var identifier: CInt = 0
        let code = payload.withUnsafeBufferPointer { payload in
            mosquitto_publish_v5(
                handle,
                &identifier,
                topic,
                CInt(payload.count),
                payload.baseAddress,
                quality,
                retain,
                properties.list
            )
        }
        try check(code, "a publish to \(quoted(topic ?? ""))")
        return identifier
    }

    /// Queues a subscription.
    ///
    /// - Parameter options: MQTT 5's subscription options, apart from the quality.
    func subscribe(
        to filter: String,
        quality: CInt,
        options: CInt,
        _ properties: borrowing MosquittoProperties
    ) throws -> CInt {
        var identifier: CInt = 0
        try check(
            mosquitto_subscribe_v5(handle, &identifier, filter, quality, options, properties.list),
            "subscribing to \(quoted(filter))"
        )
        return identifier
    }

    /// Queues the end of a subscription.
    ///
    /// - Returns: its packet identifier.
    func unsubscribe(from filter: String) -> CInt {
        var identifier: CInt = 0
        _ = mosquitto_unsubscribe_v5(handle, &identifier, filter, nil)
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
        if code == MOSQ_ERR_TLS.rawValue {
            let reason = tls?.failure ?? "the broker ended the handshake"
            return MessagingError(.refused, "the TLS handshake failed: \(reason)", isRetriable: false)
        }
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
            let context = Mosquitto.context(context)
            context.isAccepted = reason == 0
            context.delegate?.mosquittoConnected(
                ConnectAcknowledgement(reason: reason, flags: flags, properties, context.version)
            )
        }
        mosquitto_disconnect_v5_callback_set(handle) { _, context, reason, _ in
            Mosquitto.context(context).delegate?.mosquittoDisconnected(reason)
        }
        mosquitto_message_v5_callback_set(handle) { _, context, message, properties in
            guard let message else { return }
            Mosquitto.context(context).delegate?.mosquittoReceived(ReceivedMessage(message.pointee, properties))
        }
        mosquitto_publish_v5_callback_set(handle) { _, context, identifier, reason, _ in
            let context = Mosquitto.context(context)
            guard !context.isWriting else { return }
            context.delegate?.mosquittoPublished(identifier, reason: reason)
        }
        mosquitto_subscribe_v5_callback_set(handle) { _, context, identifier, count, granted, _ in
            guard let granted, count > 0 else { return }
            Mosquitto.context(context).delegate?.mosquittoSubscribed(identifier, granted: granted[0])
        }
    }

    private static func context(_ pointer: UnsafeMutableRawPointer?) -> Context {
        // The pointer is what `init` gave the library; its owner destroys the handle before it goes.
        // swift-format-ignore: NeverForceUnwrap
        Unmanaged<Context>.fromOpaque(pointer!).takeUnretainedValue()
    }
}
