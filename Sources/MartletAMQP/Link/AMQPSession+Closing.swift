import Martlet
import MartletTransport

/// The end of a session.
extension AMQPSession {
    var hasUnwritten: Bool {
        guard blockedReason == nil, let link else { return false }
        return link.wantsToWrite || outbox.count > 0 || !waiting.isEmpty || !offline.isEmpty
    }

    func writeAccepted() {
        attend {
            try settle()
            try send()
        }
    }

    func sayGoodbye(until deadline: Duration) async {
        let answer = Promise<Void>()
        goodbye = answer
        attend {
            try settle()
            will?.sayGoodbye(self)
            for consumer in consumers.values { consumer.sayGoodbye(self) }
            try link?.append(.connectionClose(code: 200, text: "done"), channel: 0)
        }
        let timer = runtime.timers.schedule(at: deadline) { answer.end(.success(())) }
        if link != nil { _ = try? await answer.value() }
        runtime.timers.cancel(timer)
    }

    func end(_ error: MessagingError) {
        for channel in channels.values { channel.settler.end(.closed) }
        endChannels(error)
        failOutgoing(error)
        for consumer in consumers.values { consumer.finish(throwing: error.code == .connectionClosed ? nil : error) }
        consumers.removeAll()
        for native in natives.values { native.finish(throwing: error.code == .connectionClosed ? nil : error) }
        natives.removeAll()
        events.finish()
    }
}
