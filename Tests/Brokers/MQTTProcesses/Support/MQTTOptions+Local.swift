import Martlet
import MartletMQTT

extension MQTTOptions {
    /// A broker on this machine, and a link that is soon back when it was lost.
    static func local(
        _ port: Int,
        _ version: MQTTVersion = .v5,
        name: String? = nil,
        _ configure: (inout MQTTOptions) -> Void = { _ in }
    ) -> MQTTOptions {
        var options = MQTTOptions(servers: [.init(host: "127.0.0.1", port: port)], version: version)
        options.connection.name = name
        options.reconnect = Backoff(initial: .milliseconds(20), maximum: .milliseconds(200))
        configure(&options)
        return options
    }
}
