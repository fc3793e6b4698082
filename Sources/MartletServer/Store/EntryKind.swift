/// What an entry of a store's record tells of. A record is as in every store of Martlet's; its content, behind version and number,
/// is the time when it was written, how much of its file was on the disk for certain by then, and entries: a kind, then its fields.
enum EntryKind: UInt8 {
    /// A session's number in this file, its client, and where that comes from.
    case session = 1
    /// A message's number in this file, and the message.
    case message = 2
    case connected = 3
    case left = 4
    case willPublished = 5
    case ended = 6
    case subscribed = 7
    case unsubscribed = 8
    case queued = 9
    case sent = 10
    case dropped = 11
    case inFlight = 12
    case acknowledged = 13
    case released = 14
    /// As ``received``, of which it is not known what it said.
    case receivedUnmarked = 15
    case completed = 16
    /// A message is kept for its topic that a client has published.
    case kept = 17
    /// A message is kept for a topic that was published in the broker's process.
    case keptOwn = 18
    /// No message is kept for a topic any more.
    case cleared = 19
    /// A snapshot is whole, and the record of a number comes after it.
    case end = 20
    case owed = 21
    case paid = 22
    /// A client's message is in a queue, or waits for room in it.
    case enqueued = 23
    /// A message of the broker's process is.
    case enqueuedOwn = 24
    /// The message of a number is on its way to a consumer, under a tag.
    case assigned = 25
    /// The message of a number is in its queue no more.
    case taken = 26
    case received = 27
}
