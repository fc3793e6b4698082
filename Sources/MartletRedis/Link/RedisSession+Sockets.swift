import Martlet
import MartletTransport

/// What the sockets tell.
extension RedisSession {
    /// What a socket is called at the server: a consumer's as its lease, so that it can be found by that.
    func name(of role: Role) -> String {
        if case .consumer(let number) = role, let consumer = consumers[number] { consumer.id } else { runtime.name }
    }

    func ready(_ role: Role) {
        if role == .command {
            sockets.commandIsReady()
            linkAnswered()
        }
        if case .consumer(let number) = role { consumers.isReady(number, self) }
        if case .node(let node) = role { isBack(node) }
    }

    /// The addresses of a node's name.
    func found(_ addresses: Result<[SocketAddress], any Error>, of destination: Destination, for role: Role) {
        guard let link = sockets[role], link.destination == destination else { return }
        link.found(addresses)
    }

    /// Takes all replies that are complete.
    func takeReplies(by role: Role) throws {
        guard let link = sockets[role] else { return }
        let reader = link.reader
        // What one of them leads to may end the socket.
        switch role {
        case .command, .node, .signs:
            link.collectWritten()
            defer { commands.endAnswered() }
            while !link.isEnded, let reply = try reader.next() { commands.received(reply, to: link.pending, self) }
        case .subscriber:
            defer { subscribers.deliverBatch(self) }
            while !link.isEnded, let reply = try reader.next({ subscribers.collect($0, self) }) {
                subscribers.deliverBatch(self)
                subscribers.received(reply, self)
            }
        case .replies:
            while !link.isEnded, let reply = try reader.next({ replies.received($0, self) }) {
                replies.received(reply, self)
            }
        case .replyLists(let set):
            while !link.isEnded, let reply = try reader.next() { replies.receivedFromList(reply, set: set, self) }
        case .consumer(let number):
            while !link.isEnded, let reply = try reader.next() { consumers.received(reply, number, self) }
        }
    }

    /// A socket has read and written what it could for now.
    func finishedRound(_ role: Role) {
        switch role {
        case .command, .node:
            commands.send(self)
            keeper.progressed()
        case .subscriber: subscribers.updatePause(self)
        case .consumer(let number): consumers.refill(number, self)
        case .signs, .replies, .replyLists: break
        }
    }

    func ended(_ role: Role, _ error: MessagingError) {
        // Its loss is that of nothing else: the other socket goes on.
        if case .signs = role {
            sockets.close(role)
            return commands.lose(role, error, self)
        }
        switch keeper.state {
        case .restoring, .open, .draining, .closing:
            if let node = sockets.node(of: role) { return lose(node, error) }
        case .opening, .idle, .closed: break
        }
        switch keeper.state {
        case .opening, .restoring:
            linkFailed(error)
        case .open, .draining:
            linkFailed(MessagingError(error.code, "the \(role) socket: \(error.message)", cause: error.cause))
        case .idle, .closing, .closed:
            sockets.close(role)
            // What the others are for, nobody needs any more.
            if keeper.state == .closing, role.takesCommands { failPending(error) }
        }
    }
}
