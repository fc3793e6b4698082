import Martlet
import MartletTransport

/// Who gets what comes by a subscription.
struct Receiver: Sendable {
    let inbox: Inbox<Delivery>
}
