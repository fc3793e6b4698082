internal import Martlet

/// The number by which a broker tells of a message through which subscription it came (MQTT 5, 3.8.2.1.2).
///
/// A broker that keeps a session keeps these numbers, also for messages that wait in it. So a filter has the same number in
/// each process that subscribes to it: a program that is started again in another version, and subscribes in another order,
/// knows what the one before had subscribed to. Where two filters of one connection would have the same, the later one gets
/// the next.
enum SubscriptionIdentifier {
    /// The largest one that the protocol allows.
    static let maximum = 268_435_455

    /// That of a filter, as it is on the wire, unless another has it.
    static func preferred(for filter: String) -> Int {
        let hash = StableHash.of(filter)
        return Int((hash ^ hash >> 32) % UInt64(maximum)) + 1
    }
}
