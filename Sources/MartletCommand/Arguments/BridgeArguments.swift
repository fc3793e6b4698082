import ArgumentParser
import Martlet
import MartletConsole

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The options that say what a bridge passes on, where no file says it.
struct BridgeArguments: ParsableArguments, Sendable {
    /// Which way messages and calls go.
    enum Direction: String, ExpressibleByArgument, CaseIterable, Sendable {
        case forth, back, both

        var route: RouteDirection {
            switch self {
            case .forth: .forth
            case .back: .back
            case .both: .both
            }
        }
    }

    @Option(
        help: ArgumentHelp(
            "Pass on what is published to these topics, such as 'sensors.#'; may be repeated.",
            valueName: "filter[=template]"
        )
    )
    var topic: [Renaming] = []
    @Option(
        help: ArgumentHelp("Pass on what is sent to this queue; may be repeated.", valueName: "name[=other]")
    )
    var queue: [Renaming] = []
    @Option(
        help: ArgumentHelp(
            "Pass on calls: callers are on the first broker, who answers on the second; may be repeated.",
            valueName: "name[=other]"
        )
    )
    var rpc: [Renaming] = []
    @Option(
        help: ArgumentHelp(
            "Pass on an action, with all that belongs to it; may be repeated.",
            valueName: "name[=other]"
        )
    )
    var action: [Renaming] = []

    @Option(help: ArgumentHelp("What topics lose from their front.", valueName: "topic"))
    var strip: String?
    @Option(help: ArgumentHelp("What topics get in front.", valueName: "topic"))
    var prefix: String?
    @Option(
        help: ArgumentHelp(
            "Which way: forth, from the first broker to the second; back; or both, for topics.",
            valueName: "way"
        )
    )
    var direction: Direction = .forth

    /// Whether nothing is said.
    private var isEmpty: Bool {
        topic.isEmpty && queue.isEmpty && rpc.isEmpty && action.isEmpty && strip == nil && prefix == nil
            && direction == .forth
    }

    /// The bridge between two URLs.
    ///
    /// - Parameter fallback: the first of them, if only one is written; by default that of the environment.
    /// - Throws: `ValidationError`.
    func settings(
        _ words: [String?],
        name: String?,
        fallback: String? = getenv("MARTLET_URL").map { String(cString: $0) }
    ) throws -> BridgeSettings {
        var urls = words.compactMap { $0 }
        if urls.count == 1, let fallback, !fallback.isEmpty { urls.insert(fallback, at: 0) }
        guard urls.count == 2 else {
            throw ValidationError(
                """
                A bridge is between two brokers: write both URLs, such as mqtt://localhost amqp://localhost; set \
                MARTLET_URL for the first; or name a file with --config.
                """
            )
        }
        let addresses = try zip(urls, [BridgeSide.from, .to]).map { url, side -> EndAddress in
            do {
                if let address = try EndAddress(url: url, on: side) { return address }
            } catch let error as MessagingError {
                throw ValidationError("'\(url.prefix { $0 != ":" }):': \(error.message).")
            }
            return .broker(try Words([url], required: [], worksAlone: true, fallback: nil).address)
        }
        return BridgeSettings(
            name: name,
            from: .init(address: addresses[0]),
            to: .init(address: addresses[1]),
            routes: try routes(RouteEnds(from: addresses[0], to: addresses[1]))
        )
    }

    /// Says that nothing of this goes with a file.
    func validateForFile() throws {
        guard isEmpty else {
            throw ValidationError("With --config the file says what is passed on: leave the other options out.")
        }
    }

    private func routes(_ ends: RouteEnds) throws -> [RouteSettings] {
        let isBack = direction == .back
        if direction == .both, !queue.isEmpty || !rpc.isEmpty || !action.isEmpty {
            throw ValidationError("Only topics go both ways: for the others --direction is forth or back.")
        }
        var routes: [RouteSettings] = []
        for topic in topic {
            let pattern = ends.from.pattern(topic.name)
            routes.append(
                RouteSettings(
                    kind: .topics(pattern, as: try template(for: topic, pattern, ends), direction.route),
                    // What goes both ways is a circle by itself.
                    options: options(for: ends)
                )
            )
        }
        func names(_ renaming: Renaming, _ here: EndAddress, _ there: EndAddress) -> (QueueName, QueueName) {
            let name = here.queue(renaming.name)
            return (name, renaming.target.map(there.queue) ?? name)
        }
        routes += queue.map { renaming in
            let (name, other) = names(renaming, ends.from, ends.to)
            return RouteSettings(kind: .queues(name, other, direction.route))
        }
        let (callers, responders) = isBack ? (ends.to, ends.from) : (ends.from, ends.to)
        routes += rpc.map { renaming in
            let (name, target) = names(renaming, callers, responders)
            return RouteSettings(kind: .calls(name, target, isBackwards: isBack))
        }
        routes += action.map { renaming in
            let (name, target) = names(renaming, callers, responders)
            return RouteSettings(kind: .action(name, target, isBackwards: isBack))
        }
        guard !routes.isEmpty else {
            throw ValidationError("Say what to pass on: --topic, --queue, --rpc, --action, or a file with --config.")
        }
        return routes
    }

    private func options(for ends: RouteEnds) -> RouteOptions {
        var options = RouteOptions(for: ends)
        options.allowsLoop = direction == .both
        return options
    }

    private func template(for topic: Renaming, _ pattern: TopicPattern, _ ends: RouteEnds) throws -> String {
        if let target = topic.target {
            guard prefix == nil, strip == nil else {
                throw ValidationError("--prefix and --strip do not go with a template: \(topic.name)=\(target).")
            }
            return ends.to.template(target)
        }
        let template = TopicMapping.template(
            for: pattern,
            strip: strip.map(ends.from.topic),
            prefix: prefix.map(ends.to.template)
        )
        guard let template else {
            throw ValidationError(
                "--strip \(strip ?? ""): '\(topic.name)' does not begin with it, or ends with it."
            )
        }
        return template
    }
}
