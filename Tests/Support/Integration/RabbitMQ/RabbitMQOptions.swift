/// How a ``RabbitMQServer`` is set up. What is not set here is as RabbitMQ has it by default.
package struct RabbitMQOptions: Sendable {
    /// Opens a listener with TLS beside the plain one.
    package var tls: ServerTLS?
    /// The certificate that the TLS listener shows.
    package var certificate: any KeyPath<TestCertificates, TestCertificates.Identity> & Sendable = \.server
    /// Whether the server also listens on ::1, with the same port.
    package var listensOnIPv6 = false
    /// The heartbeat, in seconds, that the server proposes; its default is 60, and 0 is none.
    package var heartbeat: Int?
    /// The largest frame, in bytes, that the server proposes.
    package var maximumFrameSize: Int?
    /// How many channels a connection may have.
    package var maximumChannels: Int?
    /// The largest message body, in bytes, that the server takes.
    package var maximumMessageSize: Int?
    /// After how many milliseconds a delivery that is not acknowledged costs its channel; the server looks every two seconds.
    package var acknowledgementLimit: Int?
    /// The plugins to enable, of those that come with the server, such as `rabbitmq_auth_mechanism_ssl`.
    package var plugins: [String] = []
    /// Whether it speaks MQTT 3.1.1 as well, by its plugin, on ``RabbitMQServer/mqttPort``. Whoever names nobody is `guest`.
    package var speaksMQTT = false
    /// More lines for rabbitmq.conf.
    package var extraLines: [String] = []

    package init() {}
}
