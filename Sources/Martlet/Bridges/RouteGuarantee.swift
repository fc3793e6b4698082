/// How surely what comes into a route arrives at its sink: the lesser of what both sides give.
public struct RouteGuarantee: Sendable, Hashable, CustomStringConvertible {
    /// What holds while links are lost and brokers restarted.
    public var guarantee: Guarantee
    /// Whether it also holds when the bridge itself is killed: then nothing is acknowledged at the source before the sink
    /// has it.
    public var outlivesBridge: Bool
    /// Why it is not more, if it is not.
    public var reasons: [String]

    /// What a route of your own promises.
    ///
    /// - Parameters:
    ///   - guarantee: what holds while links are lost and brokers restarted.
    ///   - outlivesBridge: whether nothing is acknowledged at the source before the sink has it; never so with
    ///     ``Guarantee/atMostOnce``.
    ///   - reasons: why it is not more.
    public init(_ guarantee: Guarantee, outlivesBridge: Bool = false, reasons: [String] = []) {
        self.guarantee = guarantee
        self.outlivesBridge = outlivesBridge && guarantee != .atMostOnce
        self.reasons = reasons
    }

    /// What stands at an end of a route.
    enum Kind: Sendable, Hashable {
        case topic
        case queue
    }

    /// - Parameter isDurable: whether the source is a durable subscription.
    init(from source: BridgeEnd, _ sourceKind: Kind, isDurable: Bool, to sink: BridgeEnd, _ sinkKind: Kind) {
        guarantee = .atLeastOnce
        outlivesBridge = true
        reasons = []
        switch sourceKind {
        case .topic where isDurable: break
        case .topic where source.capabilities.contains(.lastingSubscriptions):
            outlivesBridge = false
            reasons.append("\(source.name) acknowledges what comes before the sink has it")
        case .topic:
            guarantee = .atMostOnce
            reasons.append("\(source.name) keeps nothing for a subscriber whose link is away")
        case .queue where source.capabilities.contains(.redelivery): break
        case .queue:
            guarantee = .atMostOnce
            reasons.append("\(source.name) does not deliver again what was not acknowledged")
        }
        switch sinkKind {
        case .topic where sink.capabilities.contains(.confirmedPublish): break
        case .topic:
            guarantee = .atMostOnce
            reasons.append("\(sink.name) does not confirm what is published")
        case .queue where !sink.capabilities.isDisjoint(with: [.redelivery, .responderDetection]): break
        case .queue:
            guarantee = .atMostOnce
            reasons.append("\(sink.name) keeps nothing for a queue that nobody consumes")
        }
        if guarantee == .atMostOnce {
            outlivesBridge = false
        } else if sourceKind == .topic, source.capabilities.contains(.exactlyOnce) {
            reasons.append("what is published exactly once at \(source.name) may arrive twice at \(sink.name)")
        }
    }

    /// What is said of it where the bridge starts.
    public var description: String {
        let text: String
        switch (guarantee, outlivesBridge) {
        case (.atMostOnce, _): text = "at most once"
        case (_, false): text = "at least once while the bridge lives"
        case (_, true): text = "at least once"
        }
        return reasons.isEmpty ? text : "\(text) (\(reasons.joined(separator: "; ")))"
    }
}
