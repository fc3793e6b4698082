import Foundation
import Martlet
import MartletTesting
import Testing

/// The rule of the codes, on segments that are made to break it, and topics of MQTT: other ones with each run.
@Suite(.timeLimit(.minutes(10))) struct NameRoundTripTests {
    /// How many of each.
    private static let count = ProcessInfo.processInfo.environment["MARTLET_NAMES"].flatMap(Int.init) ?? 1_000_000
    private static let seeds = (0..<8).map { _ in UInt64.random(in: 0..<1_000_000_000) }
    private static let pieces = [
        "%", "25", "%25", "2F", "2B", "23", "2E", "2A", "7B", "2f", "2e", "/", "+", "#", ".", "*", "a", "\u{E9}",
        "e\u{301}",
        "\u{301}", "\u{FEFF}", " ", "{", "}", "日", "2", "5", "",
    ]

    private static let forms: [(form: NameForm, bare: String, hasLone: Bool)] = [
        (.text, "", true), (.mqtt, "+#", false), (.dotted, "", false), (.template, "{}", true),
    ]

    private static func segment(_ random: inout SplitMix64) -> String {
        var text = ""
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            text += pieces[Int.random(in: 0..<pieces.count, using: &random)]
        }
        return text
    }

    /// Name to wire to name, and wire to name to wire, are the identity, and no two segments are one on a wire.
    @Test(arguments: seeds)
    func bothWaysAreOneToOne(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var mistaken: [String] = []
        for _ in 0..<Self.count / Self.seeds.count {
            let segment = Self.segment(&random)
            for (form, bare, hasLone) in Self.forms {
                let wire = form.text(of: segment)
                let back = form.segments(of: wire)
                if back.count != 1 || !back[0].hasSameBytes(as: segment) { mistaken.append("\(segment) -> \(wire)") }
                // What stands on the wire, as foreign peers write it.
                let foreign = form.segments(of: segment)
                if !form.text(of: foreign).hasSameBytes(as: segment), !Self.isBare(segment, bare, hasLone: hasLone) {
                    mistaken.append("\(segment) <- \(foreign)")
                }
            }
        }
        #expect(mistaken.isEmpty, "\(mistaken.count), such as \(mistaken.prefix(3))")
    }

    /// What never stands bare in a form: in MQTT's topics wildcards, in texts lone ones, in templates braces.
    private static func isBare(_ text: String, _ characters: String, hasLone: Bool) -> Bool {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return text.utf8.contains(where: characters.utf8.contains)
            || hasLone && parts.contains { $0.elementsEqual("*".utf8) || $0.elementsEqual("#".utf8) }
    }

    @Test(arguments: seeds)
    func topicsOfMQTTComeBackAsTheyWere(seed: UInt64) {
        var random = SplitMix64(seed: 100 + seed)
        var mistaken: [String] = []
        for _ in 0..<Self.count / Self.seeds.count {
            let topic = RandomTopic.make(&random)
            let name = TopicName(mqtt: topic)
            let wires = [
                name.mqtt, TopicName(name.text).mqtt, TopicName(segments: name.segments).mqtt,
                TopicName(name.text(in: .dotted), in: .dotted)?.mqtt ?? "",
            ]
            if !wires.allSatisfy({ $0.hasSameBytes(as: topic) }) { mistaken.append(topic) }
        }
        #expect(mistaken.isEmpty, "\(mistaken.count), such as \(mistaken.prefix(3))")
    }
}
