import DequeModule
import Martlet

/// The lists that replies are pushed to by peers that echo no correlation ID. A pure value.
///
/// Each serves one call at a time, so that the list tells which call is answered. One blocking read waits for a set of
/// them; more sets are made as callers grow.
///
/// Whoever was told a list could push to it what is taken for the reply to a later call by it. So nobody can tell one name
/// from another; a list serves the calls to one queue alone, whose responders might answer them anyway; and one whose call
/// ended without a reply is not used again, for the reply may yet come. Its place in the set is taken by one of a new name.
struct ReplyLists: Sendable {
    struct List: Sendable, Hashable {
        let name: String
        let set: Int
        let place: Int
        /// Whose responders know it; `nil`: nobody's, or of no queue.
        var queue: QueueName?
    }

    private struct ListSet {
        var names: [String]
        /// No longer used, and still waited for: the latest of them.
        var retired: Deque<String> = []
        /// Whether it is waited for by other names than it has now, and whether that was told.
        var isStale = false
        var isTold = false
    }

    /// Lists that are in no use, and may serve calls to one queue.
    private struct Idle {
        var lists: Deque<List> = []
        /// When one was last given back, counted.
        var usedLast = 0
    }

    /// How many lists one blocking read waits for.
    static let perSet = 64
    /// How many more that are no longer used.
    private static let maximumRetired = 64

    let base: String
    private var all: [ListSet] = []
    /// Those that nobody knows.
    private var unknown: Deque<List> = []
    private var idle: [QueueName?: Idle] = [:]
    private var inUse: Set<String> = []
    /// Those of them that a lost link has waited for.
    private var lost: Set<String> = []
    private var givenBack = 0

    init(base: String) {
        self.base = base
    }

    var sets: Int { all.count }

    /// A list for a call.
    ///
    /// - Parameter queue: to which its request goes.
    /// - Returns: the list, and whether something is to be waited for that was not before.
    mutating func lease(for queue: QueueName? = nil) -> (list: List, isNew: Bool) {
        if var list = takeIdle(of: queue) ?? unknown.popFirst() {
            list.queue = queue
            inUse.insert(list.name)
            return (list, false)
        }
        let longest = idle.min { $0.value.usedLast < $1.value.usedLast }
        if let longest, let list = takeIdle(of: longest.key) {
            rename(list)
        } else {
            let names = (0..<Self.perSet).map { _ in ReplyNames.makeList(base) }
            for (place, name) in names.enumerated() { unknown.append(List(name: name, set: all.count, place: place)) }
            all.append(ListSet(names: names))
        }
        return (lease(for: queue).list, true)
    }

    private mutating func takeIdle(of queue: QueueName?) -> List? {
        guard let list = idle[queue]?.lists.popFirst() else { return nil }
        if idle[queue]?.lists.isEmpty == true { idle[queue] = nil }
        return list
    }

    /// A call has ended.
    ///
    /// - Parameter isClean: whether its reply has come, so that nothing more will.
    mutating func giveBack(_ list: List, isClean: Bool) {
        inUse.remove(list.name)
        guard lost.remove(list.name) == nil, isClean else { return rename(list) }
        givenBack += 1
        idle[list.queue, default: Idle()].lists.append(list)
        idle[list.queue]?.usedLast = givenBack
    }

    /// Has a name that nobody knows take the place of a list's.
    private mutating func rename(_ list: List) {
        let name = ReplyNames.makeList(base)
        all[list.set].names[list.place] = name
        all[list.set].retired.append(list.name)
        if all[list.set].retired.count > Self.maximumRetired { all[list.set].retired.removeFirst() }
        all[list.set].isStale = true
        all[list.set].isTold = false
        unknown.append(List(name: name, set: list.set, place: list.place))
    }

    /// A link is lost that waited for them: none serves another call by its present name. Nothing more is to come by those that
    /// are in no use.
    mutating func linkLost() {
        lost = inUse
        idle.removeAll()
        unknown.removeAll()
        for set in all.indices {
            for place in all[set].names.indices where !inUse.contains(all[set].names[place]) {
                let name = ReplyNames.makeList(base)
                all[set].names[place] = name
                unknown.append(List(name: name, set: set, place: place))
            }
            all[set].isStale = true
            all[set].isTold = false
        }
    }

    /// The names of a set, which is waited for by them from now on.
    mutating func arm(_ set: Int) -> [String] {
        guard all.indices.contains(set) else { return [] }
        all[set].isStale = false
        return all[set].names + all[set].retired
    }

    /// The sets that are waited for by other names than they have now; told once.
    mutating func takeStale() -> [Int] {
        let stale = all.indices.filter { all[$0].isStale && !all[$0].isTold }
        for set in stale { all[set].isTold = true }
        return stale
    }

    /// Whether a set is waited for by other names than it has now.
    func isStale(_ set: Int) -> Bool { all.indices.contains(set) && all[set].isStale }

    /// The lists in which something may lie at the end.
    var unclean: [String] { all.flatMap(\.retired) + inUse }
}

/// How reply addresses are called.
///
/// An address is the name of a list, as commlib-py has it. From its form Martlet's peers see that its owner also
/// listens to a channel, which reaches it sooner, and tells whether it is there: that of the name in the braces. The
/// braces keep a connection's lists on one node of a cluster.
enum ReplyNames {
    private static let opening = "{rpc-"

    /// By which a reply that comes by the channel says to which address it was sent.
    static let addressHeader = "reply-address"

    /// What a connection's addresses begin with.
    static func makeBase() -> String { "rpc-" + random() + random() }

    /// The name of a list, which nobody can guess.
    static func makeList(_ base: String) -> String { list(base, random()) }

    static func list(_ base: String, _ ending: String) -> String { "{\(base)}-\(ending)" }

    private static func random() -> String {
        let digits = String(UInt64.random(in: 0...UInt64.max), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// Whether it may be what a connection's addresses begin with.
    static func isBase(_ text: String) -> Bool {
        let digits = text.utf8.dropFirst(4)
        return text.hasPrefix("rpc-") && digits.count == 32
            && digits.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    /// The channel of an address; `nil` if it is not Martlet's.
    static func channel(of address: String) -> String? {
        guard address.hasPrefix(opening), let close = address.firstIndex(of: "}") else { return nil }
        let base = address[address.index(after: address.startIndex)..<close]
        let number = address[address.index(after: close)...]
        guard base.utf8.count == 36, number.utf8.first == UInt8(ascii: "-") else { return nil }
        return String(base)
    }
}
