import MartletMQTTWire

/// The messages that a file has introduced, by their numbers. Each process that writes to it counts on from one to the next.
struct IntroducedMessages {
    private var first: UInt64 = 0
    private var messages: [Publication] = []

    mutating func append(_ message: Publication, _ number: UInt64) {
        // Another process writes from here on: it tells of none that was introduced before it.
        if number != first &+ UInt64(messages.count) { (first, messages) = (number, []) }
        messages.append(message)
    }

    subscript(number: UInt64) -> Publication? {
        let place = number &- first
        return place < messages.count ? messages[Int(place)] : nil
    }
}
