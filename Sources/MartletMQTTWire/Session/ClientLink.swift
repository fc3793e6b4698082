/// What holds for one connection of a client.
struct ClientLink: Sendable {
    let version: ProtocolVersion
    let isBridge: Bool
    /// How many messages of QoS 1 and 2 it takes at a time.
    let receiveMaximum: Int
    /// The longest packet that it takes.
    let packetBytes: Int
    /// Whether it wants to be told reasons.
    let wantsReasons: Bool
    /// In how much time something is to be heard of it; `nil`: at any time.
    let patience: Duration?
    var lastHeard: Duration
    /// Whether its socket takes more.
    var isWritable = true
    /// Since when it does not.
    var stuckSince: Duration?
    /// Whether as much has been sent in one go as may be, and something may be left.
    var hasMore = false
    /// How often the host has stopped reading from it, and not begun again.
    var holds = 0
    /// Topics by the numbers that the client gave them.
    var aliases: [UInt16: String] = [:]
    /// The numbers that it is given for topics, as many as it takes.
    var outgoingAliases: OutgoingAliases
    /// Whether it has once got all that there was for it. Until then a full queue comes of its absence, and not of its being slow.
    var hasCaughtUp = false
    /// Whether it may still be saying again what an earlier connection left open.
    var isRecovering: Bool
    /// The authentication that it may repeat; `nil`: its CONNECT has named no method.
    var authentication: Authentication?
    /// What it has said in one and the host has not taken.
    var authenticationData: [UInt8]?
    /// When one that is under way is to be done.
    var authenticatesBy: Duration?
    /// When it has been there for as long as it may.
    var endsAt: Duration?

    init(_ connect: Connect, _ limits: SessionLimits, isResumed: Bool, now: Duration) {
        version = connect.version
        isBridge = connect.isBridge
        let offered = connect.properties.number(.receiveMaximum).map { Int($0) } ?? Int(UInt16.max)
        receiveMaximum = min(offered, limits.inFlight)
        packetBytes = connect.properties.number(.maximumPacketSize).map { Int($0) } ?? WireLimits.largestPacket
        wantsReasons = connect.properties.number(.requestProblemInformation) != 0
        let keepAlive = limits.granted(keepAlive: connect)
        patience = keepAlive == 0 ? nil : .milliseconds(Int(keepAlive) * 1_500)
        lastHeard = now
        let aliasesTaken = connect.properties.number(.topicAliasMaximum).map { Int($0) } ?? 0
        outgoingAliases = OutgoingAliases(limit: min(aliasesTaken, limits.topicAliases))
        isRecovering = isResumed
    }
}

extension SessionLimits {
    /// The keep-alive that holds: the client's, unless it can be told another.
    func granted(keepAlive connect: Connect) -> UInt16 {
        guard connect.version == .v5, let most = keepAlive else { return connect.keepAlive }
        return connect.keepAlive == 0 ? most : min(connect.keepAlive, most)
    }

    /// How long the session is kept when the client has gone.
    func granted(sessionExpiry seconds: UInt32) -> Duration {
        seconds == .max ? sessionExpiry : min(sessionExpiry, .seconds(Int(seconds)))
    }
}
