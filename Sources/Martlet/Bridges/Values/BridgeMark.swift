/// The mark that a bridge writes into the headers of the messages that it passes on. By it the bridge recognises messages
/// that have passed it before. A pure value.
struct BridgeMark: Sendable {
    enum Verdict: Sendable, Hashable {
        case pass
        /// It has passed this bridge already, or another one of its mesh, or been at the broker it would go to.
        case loop
        /// It has passed as many bridges as it may.
        case tooFar
    }

    private static var comma: UInt8 { UInt8(ascii: ",") }

    let bridge: String
    /// What the brokers on both sides are called, if they have names.
    var source: String?
    var sink: String?
    let mesh: String?
    let hopLimit: Int

    init(bridge: String, source: String? = nil, sink: String? = nil, mesh: String? = nil, hopLimit: Int) {
        self.bridge = bridge
        self.source = source
        self.sink = sink
        self.mesh = mesh
        self.hopLimit = hopLimit
    }

    /// The mark of one direction of a bridge.
    init(bridge: String, options: BridgeOptions, from side: BridgeSide) {
        let names = (options.fromBroker, options.toBroker)
        let (source, sink) = side == .from ? names : (names.1, names.0)
        self.init(bridge: bridge, source: source, sink: sink, mesh: options.mesh, hopLimit: options.hopLimit)
    }

    /// Whether a message may pass. A path that nobody has written as it should be is read as it is.
    func verdict(on headers: Headers) -> Verdict {
        if headers.isEmpty { return .pass }
        if let sink, Self.lists(headers[Headers.Standard.bridgeBrokers], sink) { return .loop }
        if let mesh, Self.lists(headers[Headers.Standard.bridgeMeshes], mesh) { return .loop }
        guard let path = headers[Headers.Standard.bridgePath]?.string, !path.isEmpty else { return .pass }
        let limit = headers.integer(Headers.Standard.bridgeHopLimit).map { min($0, hopLimit) } ?? hopLimit
        // No bridge has written that, and brokers might cut it off at its end, where this one's name belongs.
        guard path.utf8.count / (Self.longestName + 1) <= max(limit, Self.usualHopLimit) else { return .tooFar }
        var hops = 0
        for name in path.utf8.split(separator: Self.comma) {
            if name.elementsEqual(bridge.utf8) { return .loop }
            hops += 1
        }
        return hops >= limit ? .tooFar : .pass
    }

    /// Marks a message as having passed.
    ///
    /// - Parameter origin: where it came in, which counts if no bridge has passed it on before.
    func mark(_ headers: inout Headers, origin: String) {
        // Its path, its origin, and the message's ID, which comes with them.
        headers.reserve(3)
        let path = headers[Headers.Standard.bridgePath]?.string ?? ""
        if path.isEmpty {
            headers[Headers.Standard.bridgePath] = .string(bridge)
            if !origin.isEmpty { headers[Headers.Standard.bridgeOrigin] = .string(origin) }
        } else {
            headers[Headers.Standard.bridgePath] = .string("\(path),\(bridge)")
        }
        let brokers = headers[Headers.Standard.bridgeBrokers]?.string ?? source
        if let brokers = Self.list(brokers, sink) { headers[Headers.Standard.bridgeBrokers] = .string(brokers) }
        if let meshes = Self.list(headers[Headers.Standard.bridgeMeshes]?.string, mesh) {
            headers[Headers.Standard.bridgeMeshes] = .string(meshes)
        }
        // The strictest limit on the way counts, also further on.
        let limit = headers.integer(Headers.Standard.bridgeHopLimit)
        if limit.map({ $0 > hopLimit }) ?? (hopLimit != Self.usualHopLimit) {
            headers[Headers.Standard.bridgeHopLimit] = .integer(Int64(hopLimit))
        }
    }

    /// How many bridges a message passes at most, unless told.
    static let usualHopLimit = 8
    /// How many bytes a name has at most.
    private static let longestName = 64

    private static func lists(_ names: HeaderValue?, _ name: String) -> Bool {
        names?.string?.utf8.split(separator: comma).contains { $0.elementsEqual(name.utf8) } ?? false
    }

    private static func list(_ names: String?, _ name: String?) -> String? {
        guard let names, let name else { return names ?? name }
        return "\(names),\(name)"
    }

    /// Throws ``MessagingError/Code/invalidArgument`` for what can't stand in a path.
    func validate() throws {
        try Self.validate(bridge, "bridge")
        if let source { try Self.validate(source, "broker") }
        if let sink { try Self.validate(sink, "broker") }
        if let mesh { try Self.validate(mesh, "mesh") }
        guard hopLimit >= 1 else {
            throw MessagingError(
                .invalidArgument,
                "the hop limit of bridge \(bridge) is \(hopLimit); it must be at least 1"
            )
        }
    }

    private static func validate(_ name: String, _ kind: String) throws {
        let isPlain = name.unicodeScalars.allSatisfy { scalar in
            scalar != "," && !scalar.properties.isWhitespace && scalar.properties.generalCategory != .control
        }
        guard !name.isEmpty, name.utf8.count <= longestName, isPlain else {
            throw MessagingError(
                .invalidArgument,
                "a \(kind) can't be named \(quoted(name)): a name has 1 to 64 bytes, no comma and no white space"
            )
        }
    }
}
