/// Where and how a route keeps messages on disk that its sink has not taken yet, for instance because it is away.
///
/// Each route, and each way of one that goes both ways, has a folder of its own. A message is acknowledged at its
/// source when it is written. It is passed on from there, in order, and forgotten when the sink has confirmed it. A
/// written message outlives a bridge that is killed; whether it outlives a machine that loses its power depends on
/// ``sync``.
public struct StoreOptions: Sendable, Hashable {
    /// When written messages are forced onto the disk.
    public enum Sync: Sendable, Hashable {
        /// When the system gets to it: a killed process loses nothing, a machine without power up to half a minute.
        case never
        /// Before the source is told that the message is taken: the file, and the folder when files were made or
        /// removed. Several messages that wait are written in one go. If the disk fails (`fsync` says so), none of them
        /// is taken: they stay with the source, and are written again, to a new file.
        case always
    }

    /// What happens when the limit is reached, or the disk is full.
    public enum Overflow: Sendable, Hashable {
        /// The source is held back.
        case suspend
        /// The oldest messages go, a segment at a time, and are counted.
        case dropOldest
        /// New messages are dropped, and counted.
        case dropNewest
    }

    /// The folder, which is made if there is none. It belongs to the user of the process, and nobody else may use it.
    public var folder: String
    /// How many bytes it may take; what was damaged and put aside may take as many again. A larger message becomes a dead
    /// letter.
    public var limit: Int
    /// After how many bytes a new file is begun. Files are deleted whole.
    public var segmentBytes: Int
    /// How old a message may become; older ones are dropped, and counted. `nil`: any age.
    public var maximumAge: Duration?
    /// What happens when the limit is reached, or the disk is full.
    public var overflow: Overflow
    /// When written messages are forced onto the disk.
    public var sync: Sync

    /// Up to 1 GiB in files of 8 MiB, of any age, holding the source back, leaving it to the system when to write,
    /// unless told.
    public init(
        folder: String,
        limit: Int = 1 << 30,
        segmentBytes: Int = 8 << 20,
        maximumAge: Duration? = nil,
        overflow: Overflow = .suspend,
        sync: Sync = .never
    ) {
        self.folder = folder
        self.limit = limit
        self.segmentBytes = segmentBytes
        self.maximumAge = maximumAge
        self.overflow = overflow
        self.sync = sync
    }

    func validate(for route: String) throws {
        func check(_ isValid: Bool, _ name: String, _ value: Any, _ rule: String) throws {
            guard !isValid else { return }
            throw MessagingError(
                .invalidArgument,
                "the store's \(name) of route \(route) is \(value); it must be \(rule)"
            )
        }
        try check(!folder.isEmpty, "folder", "empty", "a path")
        try check(segmentBytes >= 4_096, "segment size", segmentBytes, "at least 4,096 bytes")
        try check(limit / 2 >= segmentBytes, "limit", limit, "at least two segments")
        if let maximumAge { try check(maximumAge > .zero, "maximum age", maximumAge, "positive") }
    }
}
