import Martlet

/// The keys of a queue.
///
/// The list itself is called like the queue, so that anyone can push to it. The others begin with its name in braces,
/// by which a cluster keeps them on the same node.
struct QueueKeys: Sendable {
    let queue: QueueName
    /// The list of what waits.
    let list: [UInt8]
    /// The consumers that are alive, by the end of their lease. It expires with the last of them.
    let consumers: [UInt8]
    /// The consumers that hold something, dead ones too, by the end of their lease.
    let leases: [UInt8]
    private let base: String

    init(_ queue: QueueName) {
        self.queue = queue
        let name = queue.text(in: .dotted)
        base = Self.base(name)
        list = Array(name.utf8)
        consumers = Array("\(base).consumers".utf8)
        leases = Array("\(base).leases".utf8)
    }

    /// The list of what a consumer holds.
    func held(by consumer: [UInt8]) -> [UInt8] { Array("\(base).held.".utf8) + consumer }

    func held(by consumer: String) -> [UInt8] { held(by: Array(consumer.utf8)) }

    /// The list in which what a consumer held is collected before it goes back.
    func returning(from consumer: [UInt8]) -> [UInt8] { Array("\(base).returning.".utf8) + consumer }

    func returning(from consumer: String) -> [UInt8] { returning(from: Array(consumer.utf8)) }

    /// The list of what was too large to be read, where there is no list of dead letters for it.
    var oversized: [UInt8] { Array("\(base).oversized".utf8) }

    /// The list of its dead letters. It is called as its readers expect, so that in a cluster it may be elsewhere; see
    /// ``RedisOptions/deadLetterSuffix``.
    func deadLetters(_ suffix: String) -> [UInt8] { list + Array(suffix.utf8) }

    /// Where a cluster keeps them.
    var slot: Int { ClusterSlot.slot(of: list) }

    /// What the names of the further keys begin with: they must hash as the list's does.
    private static func base(_ name: String) -> String {
        guard name.utf8.contains(UInt8(ascii: "}")) else { return "{\(name)}" }
        let bytes = Array(name.utf8)
        if let open = bytes.firstIndex(of: UInt8(ascii: "{")),
            let close = bytes[(open + 1)...].firstIndex(of: UInt8(ascii: "}")), close > open + 1
        {
            return name
        }
        // All of it is hashed, and it can't stand between braces: another text of the same hash does.
        let slot = ClusterSlot.slot(of: bytes)
        var number = 0
        while ClusterSlot.slot(of: Array("{\(number)}".utf8)) != slot { number += 1 }
        return "{\(number)}\(name)"
    }
}

/// Headers of a queue's elements that are taken off before delivery.
enum QueueHeaders {
    /// When it expires, by the server's clock: nanoseconds since 1970.
    static let expires = "expires"
}
