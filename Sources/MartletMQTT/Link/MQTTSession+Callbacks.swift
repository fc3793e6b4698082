import Martlet
import MartletTransport

/// What the library tells while it works. It must not be called back from here, so that what is more than noting something down,
/// or a word to the broker, waits until it has returned.
extension MQTTSession: Mosquitto.Delegate {
    nonisolated func mosquittoConnected(_ acknowledgement: ConnectAcknowledgement) {
        assumeIsolated { session in
            session.handshake.answered(acknowledgement)
            // What the broker has kept may follow at once, and be read before anything else is done.
            session.subscriptions.linkBegins(hasSession: acknowledgement.sessionPresent)
            guard acknowledgement.reason == 0 else { return }
            let publishing = session.publishing
            if acknowledgement.sessionPresent {
                publishing.sessionIsBack()
            } else {
                publishing.sessionIsLost()
            }
        }
    }

    nonisolated func mosquittoDisconnected(_ reason: CInt) {
        assumeIsolated { $0.handshake.ended(reason) }
    }

    nonisolated func mosquittoReceived(_ message: ReceivedMessage) {
        assumeIsolated { session in
            session.reading.read(bytes: message.body.count, isBehind: session.gate.isClosed)
            session.subscriptions.received(message)
        }
    }

    nonisolated func mosquittoAnswered(_ answer: PacketGuard.Answer) {
        assumeIsolated { session in
            session.subscriptions.confirmed()
            session.publishing.answered(answer, session)
        }
    }

    nonisolated func mosquittoSubscribed(_ identifier: CInt, granted quality: CInt, _ words: BrokerWords) {
        assumeIsolated { $0.subscriptions.subscribed(identifier, granted: quality, words) }
    }

    nonisolated func mosquittoUnsubscribed(_ identifier: CInt) {
        assumeIsolated { $0.subscriptions.unsubscribed(identifier) }
    }

    nonisolated func mosquittoRefusedMessage() {
        assumeIsolated { session in
            session.runtime.count(
                \.undecodable,
                "a message came whose topic or properties have control characters, non-characters or wildcards"
            )
        }
    }
}
