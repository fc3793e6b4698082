import CPostgreSQL
import Martlet

/// The statements that the server keeps prepared for a session, so that it does not read and plan them each time.
///
/// A statement is prepared when it is run for the third time. When there is no room, the one that was used longest ago goes.
struct PreparedStatements {
    /// A statement. The types are said by this side, so that they are a part of it.
    struct Key: Hashable {
        let text: ByteKey
        let types: [Oid]

        init(text: String, types: [Oid]) {
            self.text = ByteKey(text)
            self.types = types
        }
    }

    /// How a statement is run.
    enum Step {
        /// With its text.
        case once
        /// By the name of one that is prepared.
        case named(String)
        /// By a name, once it is prepared and another one is forgotten.
        case prepared(String, forgetting: String?)
    }

    private struct Entry {
        /// What the server calls it; `nil`: it is not prepared.
        var name: String?
        var uses = 0
        var lastUse = 0
        /// The server has refused it: a table may be another one now.
        var isSuspect = false
    }

    /// How often a statement is run with its text before it is prepared.
    private static var patience: Int { 2 }

    /// How many there may be; with none each statement is run with its text.
    private var capacity: Int
    private var entries: [Key: Entry] = [:]
    private var prepared = 0
    private var clock = 0
    /// Behind a pooler a server's session may be lent to several clients: no name of one is a name of another's.
    private let prefix = "martlet_\(String(UInt64.random(in: .min ... .max), radix: 36))_"

    init(capacity: Int) {
        self.capacity = capacity
    }

    /// Notes that a statement is run, and tells how.
    mutating func step(_ key: Key) -> Step {
        guard capacity > 0 else { return .once }
        clock += 1
        var entry = entries.removeValue(forKey: key) ?? Entry()
        defer { entries[key] = entry }
        entry.uses += 1
        entry.lastUse = clock
        if let name = entry.name, !entry.isSuspect { return .named(name) }
        guard entry.uses > Self.patience else {
            forgetRare()
            return .once
        }
        let forgotten = entry.name ?? (prepared < capacity ? nil : forgetOldest())
        if entry.name == nil { prepared += 1 }
        let name = prefix + String(clock)
        (entry.name, entry.isSuspect) = (name, false)
        return .prepared(name, forgetting: forgotten)
    }

    /// Those that are run once or twice would otherwise become ever more.
    private mutating func forgetRare() {
        guard entries.count > 4 * capacity else { return }
        entries = entries.filter { $0.value.name != nil }
    }

    private mutating func forgetOldest() -> String? {
        let oldest = entries.lazy.filter { $0.value.name != nil }.min { $0.value.lastUse < $1.value.lastUse }
        guard let oldest else { return nil }
        entries[oldest.key] = nil
        prepared -= 1
        return oldest.value.name
    }

    /// The server did not prepare it.
    mutating func wasRefused(_ key: Key) {
        guard entries.removeValue(forKey: key)?.name != nil else { return }
        prepared -= 1
    }

    /// The server has refused to run it as it was prepared. It is run with its text for a while, and then prepared anew.
    mutating func distrust(_ key: Key) {
        entries[key]?.isSuspect = true
        entries[key]?.uses = 0
    }

    /// The server has forgotten what it was told to keep: a pooler has lent another one, or the session said so.
    mutating func giveUp() {
        capacity = 0
        entries = [:]
    }
}
