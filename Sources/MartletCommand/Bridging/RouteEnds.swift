import Martlet

/// The ends of a bridge, by whose kind names are read.
struct RouteEnds {
    let from: EndAddress
    let to: EndAddress

    /// Where dead letters go unless told; `nil`: where the message came from.
    var sideOfDeadLetters: BridgeSide? { from.isBroker ? nil : .to }

    /// The queue that a word names on a side; `nil`: on the first.
    func queue(_ word: String, on side: BridgeSide?) -> QueueName { (side == .to ? to : from).queue(word) }
}
