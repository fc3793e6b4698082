import DequeModule

/// The lists that replies are pushed to by peers that echo no correlation ID. A pure value.
///
/// Each serves one call at a time, so that the list tells which call is answered. One blocking read waits for a set of
/// them; more sets are made as callers grow. A list whose call ended without a reply is not used again, for the reply
/// may yet come, and would be taken for the next call's: its place in the set is taken by one of a new name. It is
/// waited for a while longer, lest the late reply lies there for ever.
struct ReplyLists: Sendable {
    struct List: Sendable, Hashable {
        let name: String
        let set: Int
        let place: Int
    }

    private struct ListSet {
        var names: [String]
        /// No longer used, and still waited for: the latest of them.
        var retired: Deque<String> = []
        /// Whether it is waited for by other names than it has now, and whether that was told.
        var isStale = false
        var isTold = false
    }

    /// How many lists one blocking read waits for.
    static let perSet = 64
    /// How many more that are no longer used.
    private static let maximumRetired = 64
    /// How many names are told of, and given an end, at a time.
    static let pageSize = 1_024

    let base: String
    private var all: [ListSet] = []
    private var free: Deque<List> = []
    private var inUse: Set<String> = []
    private var lastNumber = 0

    init(base: String) {
        self.base = base
    }

    var sets: Int { all.count }

    /// How many names there have been, or will soon have been: rounded up, so that it seldom changes.
    var reach: Int { (lastNumber / Self.pageSize + 1) * Self.pageSize }

    /// A list for a call.
    mutating func lease() -> (list: List, isNewSet: Bool) {
        var isNewSet = false
        if free.isEmpty {
            isNewSet = true
            let names = (0..<Self.perSet).map { _ in newName() }
            for (place, name) in names.enumerated() { free.append(List(name: name, set: all.count, place: place)) }
            all.append(ListSet(names: names))
        }
        let list = free.removeFirst()
        inUse.insert(list.name)
        return (list, isNewSet)
    }

    /// A call has ended.
    ///
    /// - Parameter isClean: whether its reply has come, so that nothing more will.
    mutating func giveBack(_ list: List, isClean: Bool) {
        inUse.remove(list.name)
        guard !isClean else { return free.append(list) }
        let name = newName()
        all[list.set].names[list.place] = name
        all[list.set].retired.append(list.name)
        if all[list.set].retired.count > Self.maximumRetired { all[list.set].retired.removeFirst() }
        all[list.set].isStale = true
        all[list.set].isTold = false
        free.append(List(name: name, set: list.set, place: list.place))
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

    private mutating func newName() -> String {
        lastNumber += 1
        return ReplyNames.list(base, lastNumber)
    }
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
    static func makeBase() -> String {
        func hexadecimal(_ number: UInt64) -> String {
            let digits = String(number, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        return "rpc-" + hexadecimal(.random(in: 0...UInt64.max)) + hexadecimal(.random(in: 0...UInt64.max))
    }

    static func list(_ base: String, _ number: Int) -> String { "{\(base)}-\(number)" }

    /// Whether it may be what a connection's addresses begin with.
    static func isBase(_ text: String) -> Bool { channel(of: list(text, 1)) == text }

    /// The channel of an address; `nil` if it is not Martlet's.
    static func channel(of address: String) -> String? {
        guard address.hasPrefix(opening), let close = address.firstIndex(of: "}") else { return nil }
        let base = address[address.index(after: address.startIndex)..<close]
        let number = address[address.index(after: close)...]
        guard base.utf8.count == 36, number.utf8.first == UInt8(ascii: "-") else { return nil }
        return String(base)
    }
}
