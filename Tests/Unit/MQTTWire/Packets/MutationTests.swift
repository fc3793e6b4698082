import Foundation
import MartletMQTTWire
import MartletTesting
import Testing

/// Packets with random damage: none traps, and what is read all the same is a packet like any other.
@Suite struct MutationTests {
    /// MARTLET_FUZZ says how many, for those who want more than every run has time for.
    private static let rounds = ProcessInfo.processInfo.environment["MARTLET_FUZZ"].flatMap(Int.init) ?? 400_000

    @Test(arguments: ProtocolVersion.allCases) func damageIsRefusedOrRead(_ version: ProtocolVersion) {
        var packets = RandomPackets(seed: 0xF00D + UInt64(version.rawValue))
        let ways = Way.all.filter { $0.version == version }
        var (read, refused) = (0, 0)
        for round in 0..<(Self.rounds / ProtocolVersion.allCases.count) {
            let way = ways[round % ways.count]
            var bytes = Encoder(version).bytes(of: packets.packet(way.kind, version))
            Self.damage(&bytes, &packets.random)
            var decoder = way.decoder
            do {
                guard let (packet, count) = try decoder.packet(in: bytes) else { continue }
                read += 1
                if count > bytes.count || !Self.isRepeatable(packet, decoder) {
                    Issue.record("round \(round): \(way) \(bytes) is read as \(packet)")
                    return
                }
            } catch {
                refused += 1
            }
        }
        #expect(read > Self.rounds / 100)
        #expect(refused > Self.rounds / 100)
    }

    /// Bytes that were never a packet.
    @Test func noiseIsRefusedOrRead() {
        var random = SplitMix64(seed: 7)
        for _ in 0..<(Self.rounds / 4) {
            var bytes = (0..<Int.random(in: 2...40, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            bytes[1] = UInt8(bytes.count - 2)
            for decoder in [Decoder(), Decoder(.server, .v5), Decoder(.server, .v311), Decoder(.client, .v5)] {
                var decoder = decoder
                if let (packet, _) = try? decoder.packet(in: bytes) { #expect(Self.isRepeatable(packet, decoder)) }
            }
        }
    }

    /// Whether a packet, written anew, is read as the same.
    private static func isRepeatable(_ packet: Packet, _ decoder: Decoder) -> Bool {
        guard let version = decoder.version else { return false }
        var again = packet.kind == .connect ? Decoder() : Decoder(decoder.role, version)
        return (try? again.packet(in: Encoder(version).bytes(of: packet)))?.0 == packet
    }

    private static func damage(_ bytes: inout [UInt8], _ random: inout SplitMix64) {
        for _ in 0...Int.random(in: 0...2, using: &random) {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes[place] = .random(in: 0...255, using: &random)
            case 1: bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &random)
            case 2: bytes[place] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0
            case 3: if bytes.count > 2 { bytes.remove(at: place) }
            case 4: bytes.insert(.random(in: 0...255, using: &random), at: place)
            default: bytes.append(contentsOf: bytes[place...])
            }
        }
        // Otherwise most would be found out by their length alone.
        if bytes.count > 2, bytes.count < 130, Bool.random(using: &random) { bytes[1] = UInt8(bytes.count - 2) }
    }
}
