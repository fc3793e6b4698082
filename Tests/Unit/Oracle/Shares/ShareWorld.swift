import MartletTesting

@testable import Martlet

/// Those who share subscriptions: they come, go, and are absent for a while. What is published is one's of each share, and
/// nobody's turn is passed over.
struct ShareWorld: World {
    private struct Member {
        let subscriber: Subscriber
        var isPresent = true

        var number: Int { subscriber.recipient.number }
    }

    let trace: Trace
    private var random: SplitMix64
    private var turns = SharedTurns()
    private let shares = [SharedTurns.Share("g", "a.*"), SharedTurns.Share("h", "a.*")]
    private var members: [Member] = []
    private var lastNumber = 0
    /// Who got the latest messages of each share, since somebody came, went or was absent.
    private var served: [SharedTurns.Share: [Int]] = [:]

    init(seed: UInt64, isTraced: Bool) {
        trace = Trace(isOn: isTraced)
        random = SplitMix64(seed: seed)
    }

    mutating func run() throws {
        for _ in 0..<(40 + random.below(60)) {
            switch random.below(100) {
            case 0..<12: join()
            case 12..<18: leave()
            case 18..<24: comeOrGo()
            default: try publish()
            }
        }
    }

    private mutating func join() {
        lastNumber += 1
        // Some share it with nobody.
        let share = random.chance(20) ? nil : random.pick(shares)
        note("\(lastNumber) joins \(share?.group.text ?? "nothing")")
        if let share { turns.join(share) }
        let recipient = Recipient(client: lastNumber, number: lastNumber)
        members.append(
            Member(
                subscriber: Subscriber(
                    recipient: recipient,
                    retainAsPublished: false,
                    knowsTopic: false,
                    share: share,
                    isSession: true
                )
            )
        )
        served = [:]
    }

    private mutating func leave() {
        guard !members.isEmpty else { return }
        let member = members.remove(at: random.below(members.count))
        note("\(member.number) leaves")
        if let share = member.subscriber.share { turns.leave(share) }
        served = [:]
    }

    private mutating func comeOrGo() {
        guard !members.isEmpty else { return }
        let index = random.below(members.count)
        members[index].isPresent.toggle()
        note("\(members[index].number) is \(members[index].isPresent ? "there" : "absent")")
        served = [:]
    }

    private mutating func publish() throws {
        let present = Set(members.filter(\.isPresent).map(\.number))
        let chosen = turns.choose(among: members.map(\.subscriber)) { present.contains($0.recipient.number) }
        note("a message goes to \(chosen.map(\.recipient.number))")
        let alone = members.filter { $0.subscriber.share == nil }.map(\.number)
        guard chosen.filter({ $0.share == nil }).map(\.recipient.number) == alone else {
            throw Violation("those who share nothing are \(alone), and not all get it")
        }
        for share in shares {
            let all = members.filter { $0.subscriber.share == share }
            let there = all.filter(\.isPresent)
            let candidates = (there.isEmpty ? all : there).map(\.number)
            let takers = chosen.filter { $0.share == share }.map(\.recipient.number)
            guard takers.count == min(candidates.count, 1) else { throw Violation("\(takers) of \(candidates) get it") }
            guard let taker = takers.first else { continue }
            guard candidates.contains(taker) else { throw Violation("\(taker) gets it, and \(candidates) are there") }
            let before = served[share, default: []].suffix(candidates.count - 1)
            guard !before.contains(taker) else {
                throw Violation("\(taker) of \(candidates) gets it after \(Array(before))")
            }
            served[share, default: []].append(taker)
        }
    }
}
