import Martlet
import MartletConsole
import MartletSettings

extension RouteSettings {
    /// How messages pass, as far as it is not as ever: for people, a few words each.
    var details: [String] {
        switch kind {
        case .calls, .action:
            var details = ["\(calls.concurrency) at a time", "\(calls.timeout.text) each unless the caller says"]
            if calls.allowsLoop { details.append("loops cut") }
            return details
        case .topics, .topicsToQueue, .queues, .queueToTopics:
            return choices + limits + failures
        }
    }

    /// Which messages.
    private var choices: [String] {
        var details: [String] = []
        if !filter.conditions.isEmpty { details.append(Self.count(filter.conditions.count, "condition")) }
        if !filter.exceptions.isEmpty {
            details.append("without " + filter.exceptions.map(\.text).joined(separator: ", "))
        }
        if metrics != nil { details.append("as metrics") }
        switch options.sampling {
        case .all: break
        case .every(let number): details.append("one of \(number)")
        case .interval(let interval): details.append("one each \(interval.text)")
        }
        if case .onlyIfChanged(let age) = options.changes {
            details.append("only if changed" + (age.map { " or older than \($0.text)" } ?? ""))
        }
        if options.deduplication > 0 { details.append("without duplicates among \(options.deduplication)") }
        return details
    }

    /// How fast and how many.
    private var limits: [String] {
        let standard = RouteOptions()
        var details: [String] = []
        if let rate = options.rate {
            let excess = rate.excess == .drop ? "the rest dropped" : "the rest waits"
            details.append("\(Self.number(rate.perSecond)) a second, \(rate.burst) at once, \(excess)")
        }
        if options.window != standard.window { details.append("\(options.window) under way") }
        switch options.overflow {
        case .suspend: break
        case .dropOldest: details.append("the oldest dropped when slow")
        case .dropNewest: details.append("the newest dropped when slow")
        case .conflate: details.append("the latest of each topic when slow")
        }
        if let expiry = options.expiry { details.append("worthless after \(expiry.text)") }
        switch options.retain {
        case .kept: break
        case .all: details.append("everything kept")
        case .none: details.append("nothing kept")
        }
        return details
    }

    /// What happens when it does not go on.
    private var failures: [String] {
        var details: [String] = []
        if options.isDurable { details.append("durable") }
        if options.retry != Backoff() {
            let (first, last) = (options.retry.initial.text, options.retry.maximum.text)
            details.append(
                "tried again \(options.retry.attempts.map { Self.count($0, "time") } ?? "for ever") after \(first) to \(last)"
            )
        }
        if let letters = options.deadLetters { details.append("dead letters to \(letters.queue)") }
        if let store = options.store {
            let age = store.maximumAge.map { ", \($0.text) old" } ?? ""
            let written = store.sync == .always ? ", each write forced" : ""
            details.append("stored in \(store.folder) (up to \(SizeText.text(store.limit))\(age)\(written))")
        }
        if options.allowsLoop { details.append("loops cut") }
        return details
    }

    private static func count(_ number: Int, _ word: String) -> String { "\(number) \(word)\(number == 1 ? "" : "s")" }

    private static func number(_ value: Double) -> String {
        Int(exactly: value).map { "\($0)" } ?? "\(value)"
    }
}

extension Duration {
    /// As it is written in a file: `1.5s`, `250ms`.
    var text: String {
        for (unit, name) in [(3_600, "h"), (60, "m"), (1, "s")] where seconds >= Double(unit) {
            let count = seconds / Double(unit)
            if count == count.rounded() { return count.formatted(decimals: 0) + name }
        }
        return self < .seconds(1) ? "\((seconds * 1_000).formatted(decimals: 0))ms" : defaultValueDescription
    }
}
