/// One direction of a ``Forward``: what it reads, and where that goes.
struct ForwardDirection: Sendable {
    let name: String
    /// The side that it reads from.
    let side: BridgeSide
    let source: ForwardSource
    let sink: ForwardSink
    let options: RouteOptions
    let transform: Forward.Transform?

    /// The other direction.
    func reversed() throws -> ForwardDirection {
        let (back, there): (ForwardSource, ForwardSink)
        switch (source, sink) {
        case (.topics(let pattern), .topics(let text)):
            try pattern.validate()
            let (pattern, template) = try TopicTemplate(text).reversed(from: pattern)
            (back, there) = (.topics(pattern), .topics(template.text))
        case (.queue(let queue), .queue(let other)):
            (back, there) = (.queue(other), .queue(queue))
        case (.topics, .queue), (.queue, .topics):
            throw MessagingError(.invalidArgument, "route \(name) has no way back: make a second route of it")
        }
        var options = options
        options.store?.folder += "/back"
        return ForwardDirection(
            name: "\(sink) → \(source), backwards",
            side: side.other,
            source: back,
            sink: there,
            options: options,
            transform: transform
        )
    }

    /// Itself, if its names and options are valid.
    func checked() throws -> ForwardDirection {
        try options.validate(for: name)
        switch source {
        case .topics(let pattern): try pattern.validate()
        case .queue(let queue): try queue.validate()
        }
        switch sink {
        case .topics(let text): try TopicTemplate(text).validate(for: pattern)
        case .queue(let queue): try queue.validate()
        }
        return self
    }

    /// What the source's topics match; a queue is the topic of its name.
    var pattern: TopicPattern {
        switch source {
        case .topics(let pattern): pattern
        case .queue(let queue): TopicPattern(TopicName(queue))
        }
    }

    /// Whether its source is a durable subscription. A queue is durable by itself.
    var isDurable: Bool {
        if case .topics = source { options.isDurable } else { false }
    }

    // MARK: What it will do

    func plan(between ends: BridgeEnds, _ bridge: BridgeOptions) throws -> RoutePlan {
        let (from, to) = (ends[side], ends[side.other])
        var guarantee = RouteGuarantee(from: from, source.kind, isDurable: isDurable, to: to, sink.kind)
        if case .topics = source, options.overflow != .suspend {
            guarantee.limit("the route drops messages when its sink is slow")
        }
        if let store = options.store, store.overflow != .suspend || store.maximumAge != nil {
            guarantee.limit("the route's store drops messages that are too many or too old")
        }
        if options.guarantee == .atMostOnce { guarantee.limit("no more is asked for") }
        try checkDemand(guarantee, from, to)
        return RoutePlan(
            name: name,
            source: side,
            guarantee: guarantee,
            warnings: warnings(ends, from, to, bridge),
            reads: [place(ofSource: side)],
            writes: [try place(ofSink: side.other)],
            allowsLoop: options.allowsLoop,
            needsName: isDurable
        )
    }

    private func place(ofSource side: BridgeSide) -> RoutePlan.Place {
        switch source {
        case .topics(let pattern): RoutePlan.Place(side, TopicShape(pattern))
        case .queue(let queue): RoutePlan.Place(side, queue)
        }
    }

    private func place(ofSink side: BridgeSide) throws -> RoutePlan.Place {
        switch sink {
        case .topics(let text): RoutePlan.Place(side, try TopicTemplate(text).shape(for: pattern))
        case .queue(let queue): RoutePlan.Place(side, queue)
        }
    }

    private func checkDemand(_ guarantee: RouteGuarantee, _ from: BridgeEnd, _ to: BridgeEnd) throws {
        func unsupported(_ text: String) -> MessagingError {
            MessagingError(.unsupported, "route \(name) can't have what it demands: \(text)")
        }
        if isDurable {
            if !from.capabilities.contains(.durableSubscriptions) {
                throw unsupported("\(from.name) keeps nothing for a subscription that nobody reads")
            }
            if options.overflow != .suspend {
                throw MessagingError(
                    .invalidArgument,
                    "route \(name) is durable, and drops messages when its sink is slow"
                )
            }
        }
        switch options.guarantee {
        case .exactlyOnce:
            throw unsupported(
                "a bridge passes messages on at least once; with deduplication it leaves out those it knows"
            )
        case .atLeastOnce where guarantee.guarantee < .atLeastOnce:
            throw unsupported(guarantee.reasons.joined(separator: "; "))
        default: break
        }
        guard case .topics = sink else { return }
        if options.retain == .all, !to.capabilities.contains(.retain) {
            throw unsupported("\(to.name) keeps no messages for later subscribers")
        }
        if options.expiry != nil, !to.capabilities.contains(.expiry), sinkGuarantee(to.capabilities) == .atMostOnce {
            throw unsupported("messages do not expire at \(to.name)")
        }
    }

    private func warnings(
        _ ends: BridgeEnds,
        _ from: BridgeEnd,
        _ to: BridgeEnd,
        _ bridge: BridgeOptions
    ) -> [String] {
        var warnings: [String] = []
        if bridge.marking == .always, !to.capabilities.contains(.separateHeaders) {
            warnings.append(
                "\(to.name) has no headers of its own: peers of other libraries find an envelope around what is marked"
            )
        }
        if case .topics = source, case .topics = sink, options.retain == .kept,
            from.capabilities.contains(.retain), !to.capabilities.contains(.retain)
        {
            warnings.append("what \(from.name) keeps is passed on once, for \(to.name) keeps nothing")
        }
        if options.retry.attempts != nil, options.deadLetters == nil, case .topics = source {
            warnings.append(
                "what can't be passed on in \(options.retry.attempts ?? 0) more attempts is lost: it has no dead letters"
            )
        }
        if let deadLetters = options.deadLetters {
            let end = ends[deadLetters.side ?? side]
            if !end.capabilities.contains(.redelivery) {
                warnings.append(
                    "\(end.name) does not keep the dead letters in \(deadLetters.queue) until somebody consumes them"
                )
            }
        }
        return warnings
    }

    // MARK: What it asks of the two sides

    /// Whether its source's broker says of each message whether its publisher has it kept.
    func isToldOfRetained(by capabilities: Capabilities) -> Bool {
        options.retain == .kept && capabilities.contains(.retainAsPublished)
    }

    /// Each side does what it can, also if the other can do less.
    func sourceGuarantee(_ capabilities: Capabilities) -> Guarantee {
        guard options.guarantee != .atMostOnce else { return .atMostOnce }
        return capabilities.isDisjoint(with: [.lastingSubscriptions, .durableSubscriptions])
            ? .atMostOnce : .atLeastOnce
    }

    func sinkGuarantee(_ capabilities: Capabilities) -> Guarantee {
        guard options.guarantee != .atMostOnce else { return .atMostOnce }
        if case .queue = sink { return .atLeastOnce }
        return capabilities.contains(.confirmedPublish) ? .atLeastOnce : .atMostOnce
    }
}

extension RouteGuarantee {
    /// Takes back what it promises, for a reason.
    fileprivate mutating func limit(_ reason: String) {
        guarantee = .atMostOnce
        outlivesBridge = false
        reasons.append(reason)
    }
}
