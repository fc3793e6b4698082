import Martlet
import MartletTransport

/// The end of a session.
extension AMQPSession {
    var hasUnwritten: Bool { publishing.hasUnwritten(self) }

    func writeAccepted() {
        attend {
            try settle()
            try publishing.send(self)
        }
    }

    func sayGoodbye(until deadline: Duration) async {
        attend {
            try settle()
            consuming.sayGoodbye(self)
        }
        guard let answer = wire.sayGoodbye(self) else { return }
        let timer = runtime.timers.schedule(at: deadline) { answer.end(.success(())) }
        _ = try? await answer.value()
        runtime.timers.cancel(timer)
    }

    func end(_ error: MessagingError) {
        for channel in channels.all { channel.settler.end(.closed) }
        endChannels(error)
        publishing.failAll(error, self)
        consuming.finish(throwing: error.code == .connectionClosed ? nil : error)
        publishing.finishEvents()
    }
}
