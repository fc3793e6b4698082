import Martlet

/// A command and its arguments.
public struct RedisCommand: Sendable, Hashable {
    /// All its words, the name first.
    public let words: [RedisArgument]

    /// A command of its words.
    public init(_ words: RedisArgument...) { self.words = words }

    /// A command of its words.
    public init(_ words: [RedisArgument]) { self.words = words }

    /// Commands that don't answer once, block, or change the state of the socket that everyone shares.
    private static let unfit: Set<String> = [
        "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE", "MONITOR", "SYNC",
        "PSYNC", "REPLCONF", "MULTI", "EXEC", "DISCARD", "WATCH", "UNWATCH", "QUIT", "RESET", "HELLO", "SELECT", "AUTH",
        "ASKING", "READONLY", "READWRITE", "BLPOP", "BRPOP", "BLMOVE", "BRPOPLPUSH", "BLMPOP", "BZPOPMIN", "BZPOPMAX",
        "BZMPOP", "WAIT", "WAITAOF",
    ]

    /// Throws `MessagingError.Code.invalidArgument` for a command that can't run on a shared socket.
    func validate() throws {
        guard let name = words.first.map({ String(decoding: $0.bytes, as: UTF8.self).uppercased() }), !name.isEmpty
        else { throw MessagingError(.invalidArgument, "a command has no name") }
        let second = words.dropFirst().first.map { String(decoding: $0.bytes, as: UTF8.self).uppercased() }
        let isBlocking =
            name.hasPrefix("XREAD")
            && words.contains { String(decoding: $0.bytes, as: UTF8.self).uppercased() == "BLOCK" }
        if Self.unfit.contains(name) || isBlocking || (name == "CLIENT" && ["REPLY", "TRACKING"].contains(second)) {
            throw MessagingError(
                .invalidArgument,
                "\(name) can't be run on a socket that everyone shares; the connection has calls of its own for topics, "
                    + "queues and transactions"
            )
        }
    }

    var parts: [[UInt8]] { words.map(\.bytes) }

    /// The slot of its key in a cluster: that is its first argument, but for scripts.
    var slot: Int? {
        guard words.count > 1 else { return nil }
        let name = String(decoding: words[0].bytes, as: UTF8.self).uppercased()
        switch name {
        case "EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO":
            return words.count > 3 ? ClusterSlot.slot(of: words[3].bytes) : nil
        case "PUBLISH", "PING", "ECHO", "TIME", "INFO", "CLIENT", "CONFIG", "PUBSUB", "SCRIPT", "CLUSTER", "ACL":
            return nil
        default:
            return ClusterSlot.slot(of: words[1].bytes)
        }
    }
}
