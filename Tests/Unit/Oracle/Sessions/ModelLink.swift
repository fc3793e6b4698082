import MartletMQTTWire
import MartletTesting
import NIOCore

@testable import MartletServer

/// A connection between a client and the broker. Its bytes arrive late and in order, in pieces that have nothing to do with
/// packets; when it is cut, what is on its way stops at any byte.
final class ModelLink {
    /// One direction.
    struct Pipe {
        private(set) var bytes: [UInt8] = []
        private var lastAt = Duration.zero
        /// Whether nothing more gets in.
        private(set) var isCut = false

        /// - Returns: when the bytes arrive; `nil`: they don't.
        mutating func send(_ more: [UInt8], now: Duration, _ random: inout SplitMix64) -> Duration? {
            guard !isCut, !more.isEmpty else { return nil }
            bytes += more
            return arrival(now: now, within: .milliseconds(40), &random)
        }

        /// When what is sent now arrives: after all that was sent before.
        mutating func arrival(now: Duration, within longest: Duration, _ random: inout SplitMix64) -> Duration {
            lastAt = max(lastAt + .nanoseconds(1), now + random.time(upTo: longest))
            return lastAt
        }

        /// Takes what arrives: all that is there, or some of it.
        mutating func take(_ random: inout SplitMix64) -> [UInt8] {
            guard bytes.count > 1, random.chance(15) else { return takeAll() }
            let count = 1 + random.below(bytes.count - 1)
            defer { bytes.removeFirst(count) }
            return Array(bytes.prefix(count))
        }

        mutating func takeAll() -> [UInt8] {
            defer { bytes = [] }
            return bytes
        }

        /// Nothing more gets in, and what is under way stops somewhere.
        mutating func cut(_ random: inout SplitMix64) {
            guard !isCut else { return }
            isCut = true
            bytes.removeLast(random.below(bytes.count + 1))
        }

        /// Nothing more gets in.
        mutating func end() { isCut = true }
    }

    let number: Int
    let client: Int
    let connection: ClientConnection
    var up = Pipe()
    var down = Pipe()

    // The broker's end.
    var isOpenAtBroker = true
    var isConnected = false
    var brokersDecoder: Decoder
    var brokersBytes: [UInt8] = []
    /// Reads what the broker writes, for the oracle.
    var watcher: Decoder
    var watchersBytes: [UInt8] = []

    // The client's end.
    var isOpenAtClient = true
    var clientsDecoder: Decoder
    var clientsBytes: [UInt8] = []

    init(number: Int, client: Int, _ version: ProtocolVersion, _ connection: ClientConnection, _ limits: WireLimits) {
        self.number = number
        self.client = client
        self.connection = connection
        brokersDecoder = Decoder(limits: limits)
        watcher = Decoder(.client, version)
        clientsDecoder = Decoder(.client, version)
    }
}

extension Decoder {
    /// Takes all whole packets out of bytes.
    ///
    /// - Parameter onlyOne: whether to stop at the first one.
    mutating func packets(_ bytes: inout [UInt8], onlyOne: Bool = false) throws(WireFault) -> [Packet] {
        var packets: [Packet] = []
        var position = 0
        while position < bytes.count {
            guard case .packet(let packet, let count) = try next(bytes.span.bytes, from: position) else { break }
            packets.append(packet)
            position += count
            if onlyOne { break }
        }
        bytes.removeFirst(position)
        return packets
    }
}
