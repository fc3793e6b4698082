/// How a ``MosquittoServer`` is set up. What is not set here is as Mosquitto has it by default, or without a limit where
/// its default limit would get in the way of a test.
package struct MosquittoOptions: Sendable {
    /// A user of the password file.
    package struct User: Sendable {
        package var name: String
        package var password: String

        package init(_ name: String, password: String) {
            self.name = name
            self.password = password
        }
    }

    /// Whether sessions, retained and queued messages are written to disk, after every change.
    package var isPersistent = false
    /// Whether they are written to disk when the server is ended in order (``ControlledServer/terminate()``), and only then.
    package var savesAtEnd = false
    /// Opens a listener with TLS beside the plain one. The common name of a client's certificate becomes its user name.
    package var tls: ServerTLS?
    /// The certificate that the TLS listener shows.
    package var certificate: any KeyPath<TestCertificates, TestCertificates.Identity> & Sendable = \.server
    /// Users; with an empty list everybody may connect, otherwise only these.
    package var users: [User] = []
    /// The lines of an access control list, as mosquitto.conf(5) has them, such as `user alice`, `topic read sensors/#`.
    /// Mosquitto 2.0 grants a subscription to what may not be read all the same; it then delivers nothing.
    package var accessControl: [String] = []
    /// The largest packet, in bytes, that the server takes and announces to clients of MQTT 5.
    package var maximumPacketSize: Int?
    /// The largest message body, in bytes, that the server takes; it drops larger ones.
    package var maximumMessageSize: Int?
    /// How many messages of QoS 1 and 2 may be on their way to one client at a time; also the receive maximum that clients
    /// of MQTT 5 are told. Zero: no limit.
    package var maximumInFlight = 20
    /// How many messages wait for one client beyond those in flight. Zero: no limit.
    package var maximumQueued = 0
    /// How many topic aliases a client of MQTT 5 may use; Mosquitto's default is 10.
    package var maximumTopicAliases: Int?
    /// The longest keep-alive, in seconds, that clients of MQTT 5 may have; others are told this one.
    package var maximumKeepAlive: Int?
    /// Whether packets are sent at once (`TCP_NODELAY`). Mosquitto's own default, `false`, costs up to 40 ms a message.
    package var sendsAtOnce = true
    /// Whether the server also listens on ::1, with the same port.
    package var listensOnIPv6 = false
    /// More lines for mosquitto.conf, before the listeners. `log_type all` logs every packet.
    package var extraLines: [String] = []

    package init() {}
}
