import Foundation
import Martlet
import MartletTesting
import Testing

@testable import MartletMQTT

/// Where the broker does not tell by which subscription a message came, each reader gets what its filter matches, once, and
/// what the broker kept once as well: for all filters of a connection, in every order, at every moment of its life.
@Suite struct AttributionPropertyTests {
    /// How many random histories are tried of each kind.
    private static let count = ProcessInfo.processInfo.environment["MARTLET_HISTORIES"].flatMap(Int.init) ?? 300

    @Test(arguments: [false, true], [false, true])
    func eachReaderGetsEachMessageOnce(_ sendsCopies: Bool, _ isKept: Bool) throws {
        for seed in 0..<UInt64(Self.count) {
            var history = History(seed: seed, sendsCopies: sendsCopies, isKept: isKept)
            for _ in 0..<200 { try history.step() }
            try history.settle()
        }
    }
}

/// A random life of a connection, and what its readers get.
private struct History {
    struct Wrong: Error, CustomStringConvertible {
        let description: String
    }

    struct Reader {
        let member: Int
        let key: TopicPattern
        let filter: String
        let wantsRetained: Bool
        /// Whether it was told that it is subscribed, so that it misses nothing from then on.
        var isSettled = false
        var live: [String: Int] = [:]
        var kept: [String: Int] = [:]
        /// What has to come: of new messages their bodies, of kept ones their topics.
        var owedLive: Set<String> = []
        var owedKept: Set<String> = []
    }

    private static let filters = [
        "#", "a/#", "a/+", "+/b", "a/b", "a/b/#", "+/+/c", "a/+/c", "a/b/c", "+", "a", "$s/#", "$s/x", "b/+", "+/#",
    ]
    private static let topics = ["a", "a/b", "a/x", "a/b/c", "b/b", "b", "a/x/c", "$s/x", "x/y/c"]

    private let seed: UInt64
    private var generator: SplitMix64
    private var table: SubscriptionTable<Int>
    private var broker: ModelBroker
    private var readers: [Int: Reader] = [:]
    private var lastReader = 0
    private var lastBody = 0
    private var asking: [String: Int] = [:]
    private var told: [Int: [Int]] = [:]
    private var waiting: [Int: [Int]] = [:]
    private var departures: Departures
    private var log: [String] = []
    private let isKept: Bool

    init(seed: UInt64, sendsCopies: Bool, isKept: Bool) {
        self.seed = seed
        self.isKept = isKept
        generator = SplitMix64(seed: seed)
        departures = Departures(servers: isKept ? 1 : 0)
        table = SubscriptionTable(isKept: isKept)
        table.restore(isIdentified: false, hasSession: false)
        broker = ModelBroker(sendsCopies: sendsCopies)
    }

    mutating func step() throws {
        switch Int.random(in: 0..<100, using: &generator) {
        case 0..<12: join()
        case 12..<20: leave()
        case 20..<40: publish()
        case 40..<68: broker.work(answersFirst: .random(using: &generator))
        case 68..<99: try receive()
        default: cut()
        }
    }

    /// Lets all arrive that is on its way; then nothing may be missing.
    mutating func settle() throws {
        while !broker.requests.isEmpty || !broker.packets.isEmpty {
            broker.work(answersFirst: .random(using: &generator))
            while !broker.packets.isEmpty { try receive() }
        }
        for reader in readers.values {
            if !reader.owedLive.isEmpty { throw wrong("\(reader.filter) never got \(reader.owedLive)") }
            if !reader.owedKept.isEmpty { throw wrong("\(reader.filter) never got what is kept of \(reader.owedKept)") }
        }
    }

    private func wrong(_ problem: String) -> Wrong {
        Wrong(description: "seed \(seed): \(problem)\n" + log.joined(separator: "\n"))
    }

    private mutating func join() {
        let filter = Self.filters.randomElement(using: &generator) ?? "#"
        lastReader += 1
        let wantsRetained = Bool.random(using: &generator)
        let (member, asks) = table.add(
            lastReader,
            filter: filter,
            quality: .random(in: 0...1, using: &generator),
            wantsRetained: wantsRetained
        )
        departures.cancel(filter)
        log.append("reader \(lastReader) joins \(filter), kept messages: \(wantsRetained)")
        let key = TopicPattern(mqtt: filter)
        var reader = Reader(member: member, key: key, filter: filter, wantsRetained: wantsRetained)
        if wantsRetained { reader.owedKept = kept(key) }
        reader.isSettled = asks == nil
        readers[lastReader] = reader
        if let asks { waiting[asks, default: []].append(lastReader) }
        tell()
    }

    private func kept(_ key: TopicPattern) -> Set<String> {
        Set(broker.retained.keys.filter { key.matches(TopicName(mqtt: $0)) })
    }

    private mutating func leave() {
        guard let (number, reader) = readers.sorted(by: { $0.key < $1.key }).randomElement(using: &generator) else {
            return
        }
        readers[number] = nil
        log.append("reader \(number) leaves")
        if let text = table.remove(reader.member, keeps: isKept && .random(using: &generator)) { departures.add(text) }
        tell()
    }

    private mutating func publish() {
        lastBody += 1
        let topic = Self.topics.randomElement(using: &generator) ?? "a"
        log.append("\(lastBody) is published to \(topic)")
        for (number, reader) in readers where reader.isSettled && reader.key.matches(TopicName(mqtt: topic)) {
            readers[number]?.owedLive.insert("\(lastBody)")
        }
        broker.publish("\(lastBody)", to: topic, retain: Int.random(in: 0..<3, using: &generator) == 0)
    }

    /// What a session does with what the table notes.
    private mutating func tell() {
        for action in table.takeActions() {
            log.append("told: \(action)")
            switch action {
            case .subscribe(let id):
                guard let text = table[filter: id]?.text else { continue }
                if asking[text] != nil, waiting[id] != nil { continue }
                guard let ask = table.ask(id) else { continue }
                told[ask.number] = waiting.removeValue(forKey: id) ?? []
                broker.ask(.subscribe(ask, text: text))
                asking[text] = ask.number
            case .unsubscribe(let text):
                broker.ask(.unsubscribe(text: text))
                asking[text] = nil
            }
        }
        if let question = table.takeQuestion() { broker.ask(.question(question)) }
    }

    private mutating func receive() throws {
        guard let packet = broker.nextPacket() else { return }
        log.append("comes: \(packet)")
        switch packet {
        case .message(let topic, let body, let isRetained):
            let arrival = Arrival(
                topic: topic,
                body: Array(body.utf8),
                quality: 1,
                isRetained: isRetained
            )
            var got: [(Int, Bool)] = []
            _ = table.forEachReceiver(of: arrival) {
                TopicName(mqtt: topic)
            } _: {
                got.append(($0, $1))
            }
            log.append("for \(got)")
            for (number, isRetained) in got { try give(body, topic, isRetained, to: number) }
        case .granted(let ask):
            table.interrupted()
            if let text = table[filter: ask.filter]?.text, asking[text] == ask.number { asking[text] = nil }
            table.granted(ask)
            for number in told.removeValue(forKey: ask.number) ?? [] { readers[number]?.isSettled = true }
            if let later = waiting.removeValue(forKey: ask.filter), let server = table.askAgain(ask.filter) {
                waiting[server, default: []] += later
            }
        case .ended(let text):
            table.interrupted()
            table.ended(text)
            departures.ended(text, at: 0)
        case .answer(let number): table.answered(question: number)
        }
        tell()
    }

    private mutating func give(_ body: String, _ topic: String, _ isRetained: Bool, to number: Int) throws {
        guard let reader = readers[number] else { throw wrong("reader \(number) is gone, and gets \(body)") }
        guard reader.key.matches(TopicName(mqtt: topic)) else {
            throw wrong("\(reader.filter) gets what is of \(topic)")
        }
        if isRetained {
            guard reader.wantsRetained else { throw wrong("\(reader.filter) gets what is kept of \(topic)") }
            guard reader.kept[topic] == nil else { throw wrong("\(reader.filter) gets what is kept of \(topic) again") }
            readers[number]?.kept[topic] = 1
            readers[number]?.owedKept.remove(topic)
        } else {
            guard reader.live[body] == nil else { throw wrong("\(reader.filter) gets \(body) again") }
            readers[number]?.live[body] = 1
            readers[number]?.owedLive.remove(body)
        }
    }

    /// The link is lost and comes back; what was on its way is gone.
    private mutating func cut() {
        let hasSession = isKept
        broker.cut(keepsSession: hasSession)
        log.append("a new link")
        let unanswered = told.values.flatMap { $0 } + waiting.values.flatMap { $0 }
        (asking, told, waiting) = ([:], [:], [:])
        for number in unanswered {
            // Their callers get an error.
            guard let reader = readers.removeValue(forKey: number) else { continue }
            if let text = table.remove(reader.member) { departures.add(text) }
        }
        table.restore(isIdentified: false, hasSession: hasSession, owed: departures.owed(to: 0))
        for number in readers.keys {
            readers[number]?.owedLive = []
            readers[number]?.kept = [:]
            if let reader = readers[number], reader.wantsRetained {
                let kept = kept(reader.key)
                readers[number]?.owedKept = kept
            }
            readers[number]?.isSettled = true
        }
        tell()
        // A session says that it is back when all is answered.
        while !broker.requests.isEmpty { broker.work(answersFirst: false) }
    }
}
