import MartletListeners
import NIOCore
import NIOSSL

extension Listener {
    /// Has a client's channel be read.
    ///
    /// - Parameter tls: what it shows under TLS; `nil`: it is without.
    func addHandlers(
        to channel: any Channel,
        _ connection: ClientConnection,
        _ tls: ServerContext?,
        _ hub: SessionHub,
        _ door: Door
    ) throws {
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(SocketWatch(connection, isTLS: tls != nil))
        if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls.context)) }
        switch form {
        case .plain:
            try pipeline.addHandler(PacketHandler(hub, door, connection))
        case .webSocket(let origins):
            let webSocket = WebSocketDoor(origins: origins, connection: connection, limits: hub.limits) { channel in
                try channel.pipeline.syncOperations.addHandler(PacketHandler(hub, door, connection))
            }
            try webSocket.configure(channel)
        }
    }
}
