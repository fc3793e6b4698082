import Martlet

/// A message that waits for its batch.
struct SinkEntry: Sendable {
    let item: SinkItem
    /// What the sink says of it; `nil` if nobody waits for that.
    let word: Promise<Void>?

    var bytes: Int { item.message.weight }
    /// Whether somebody has waited for it, and does so no more.
    var isAbandoned: Bool { word?.hasEnded ?? false }
}

/// Messages that are delivered together.
struct SinkBatch: Sendable {
    /// What the sink is handed.
    private(set) var items: [SinkItem] = []
    private var words: [Promise<Void>?] = []

    var count: Int { items.count }
    var isEmpty: Bool { items.isEmpty }

    mutating func append(_ entry: SinkEntry) {
        items.append(entry.item)
        words.append(entry.word)
    }

    /// Takes out the first messages, which need not be delivered again.
    mutating func takeFirst(_ count: Int) -> SinkBatch {
        var first = SinkBatch()
        first.items = Array(items.prefix(count))
        first.words = Array(words.prefix(count))
        items.removeFirst(first.count)
        words.removeFirst(first.count)
        return first
    }

    /// Takes out what nobody waits for any more.
    mutating func removeAbandoned() {
        let entries = zip(items, words).map { SinkEntry(item: $0, word: $1) }
        self = SinkBatch()
        for entry in entries where !entry.isAbandoned { append(entry) }
    }

    /// Tells those who wait what the sink has said. What it has refused and nobody waits for is counted.
    ///
    /// - Parameter failure: the error of a message, by its place; `nil` if the sink has it.
    func end(_ runtime: ConnectionRuntime, _ failure: (Int) -> (any Error)?) {
        var told: [(Promise<Void>, Result<Void, any Error>)] = []
        for (index, word) in words.enumerated() {
            let error = failure(index)
            if let word {
                told.append((word, error.map { .failure($0) } ?? .success(())))
            } else if let error {
                runtime.countRefusal(of: items[index].topic, error)
            }
        }
        Promise.end(told)
    }

    /// The sink has none of them.
    func fail(_ error: any Error, _ runtime: ConnectionRuntime) {
        end(runtime) { _ in error }
    }
}

extension ConnectionRuntime {
    /// Counts a message that the sink did not take, and that nobody waits for.
    func countRefusal(of topic: TopicName, _ error: any Error) {
        countRefusal("the sink refused a message to \(topic): \(error)")
    }
}
