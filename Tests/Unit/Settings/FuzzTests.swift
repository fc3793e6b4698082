import Martlet
import MartletTesting
import Testing

@testable import MartletSettings

/// Files that somebody has edited badly, or that a disk has: reading them never traps, and an error says where it is.
@Suite("A damaged file", .timeLimit(.minutes(30)))
struct FuzzTests {
    private struct Service: Decodable, Equatable {
        enum Level: String, Decodable, CaseIterable { case debug = "DEBUG", info = "INFO" }

        struct Broker: Decodable, Equatable {
            var host: String
            var port: UInt16?
            var keepalive: Duration?
        }

        var broker: Broker?
        var logLevel: Level?
        var password: Secret?
        var amqpURI: String?
        var enabled: Bool?
        var ratio: Double?
        var limit: ByteCount?
        var hosts: [String]?
        var routes: [Broker]?
        var names: [String: Int]?
    }

    private static let files: [(format: SettingsFile.Format, section: [String], text: String)] = [
        (
            .yaml, ["services", "echo"],
            """
            # a comment
            services:
              echo:
                broker: {host: localhost, port: 1883, keepalive: 60}
                log_level: DEBUG
                password: "söcret\\u00e4"
                amqp_uri: 'amqp://u:p@h/%2F'
                enabled: true   # on
                ratio: 1.5e-3
                limit: 64MiB
                hosts: [a, b.example.com, "c"]
                routes:
                  - host: a
                  - {host: b, keepalive: 1.5h}
            """
        ),
        (.yaml, [], "{\"hosts\": [\"a\"], \"names\": {\"one\": 1}, \"broker\": {\"host\": \"h\", \"port\": 5}}"),
        (
            .ini, ["consume"],
            """
            [DEFAULT]
            amqp_uri = amqp://baguette:baguette@127.0.0.1:5672/baguette
            log_level: INFO
            ; a comment

            [consume]
            enabled = true ; on
            hosts = a, b
              c
            ratio=0.5
            password = p%ä
            """
        ),
    ]

    /// How many files each seed damages.
    private static let rounds = 10_000
    /// What ends a line in YAML.
    private static let lineEnds: [Unicode.Scalar] = ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"]

    @Test("is read, or told where it is wrong", arguments: UInt64(0)..<10)
    func isToldWhereItIsWrong(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var (accepted, refused) = (0, 0)
        for round in 0..<Self.rounds {
            let (format, section, original) = Self.files[round % Self.files.count]
            var bytes = Array(original.utf8)
            for _ in 0..<Int.random(in: 1...4, using: &random) { Self.damage(&bytes, using: &random) }
            do throws(SettingsError) {
                try read(bytes, format, section)
                accepted += 1
            } catch {
                refused += 1
                let text = String(decoding: bytes, as: UTF8.self)
                let lines = text.unicodeScalars.count { Self.lineEnds.contains($0) } + 1
                guard let place = error.place, (1...lines + 1).contains(place.line), place.column >= 1 else {
                    Issue.record(
                        "round \(round) of \(seed): \(error) in \(text)"
                    )
                    return
                }
            }
        }
        // Otherwise nothing was tried.
        #expect(accepted > Self.rounds / 10)
        #expect(refused > Self.rounds / 10)
    }

    /// Reads a file in two ways, which say the same.
    private func read(
        _ bytes: [UInt8],
        _ format: SettingsFile.Format,
        _ section: [String]
    ) throws(SettingsError) {
        let decoder = SettingsDecoder(environment: .none)
        let file = try SettingsFile(FileContents.text(of: bytes), name: "f", format: format)
        let (whole, piece): (Service, SettingsNode)
        switch section.count {
        case 0:
            whole = try decoder.decode(from: file)
            piece = try decoder.decode(from: file)
        case 1:
            whole = try decoder.decode(from: file, section: section[0])
            piece = try decoder.decode(from: file, section: section[0])
        default:
            whole = try decoder.decode(from: file, section: section[0], section[1])
            piece = try decoder.decode(from: file, section: section[0], section[1])
        }
        // A number that is none is not equal to itself.
        let again = try decoder.decode(Service.self, from: piece, variables: nil)
        guard whole == again else { throw SettingsError("\(whole) is not \(again)") }
    }

    /// What stands for something in one of the formats.
    private static let signs =
        Array("{}[]:,-?&*!|>'\"%@`#=; \t\n\r\u{0}~<\\1.e+_".utf8) + [0xC3, 0xA4, 0xFF, 0xE2, 0x80, 0xA8]

    private static func damage(_ bytes: inout [UInt8], using random: inout SplitMix64) {
        guard !bytes.isEmpty else { return }
        let at = Int.random(in: 0..<bytes.count, using: &random)
        let end = min(bytes.count, at + Int.random(in: 1...20, using: &random))
        switch Int.random(in: 0..<8, using: &random) {
        case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1: bytes[at] = signs.randomElement(using: &random) ?? 0
        case 2: bytes.insert(signs.randomElement(using: &random) ?? 0, at: at)
        case 3: bytes.removeSubrange(at..<end)
        case 4: bytes.insert(contentsOf: bytes[at..<end], at: at)
        case 5: bytes.insert(contentsOf: bytes[at..<end], at: Int.random(in: 0...bytes.count, using: &random))
        case 6: bytes.removeLast(Int.random(in: 0...min(40, bytes.count), using: &random))
        default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: at)
        }
    }

    @Test("that only looks otherwise says the same", arguments: UInt64(0)..<2)
    func looksDoNotCount(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let decoder = SettingsDecoder(environment: .none)
        for round in 0..<1_000 {
            let (format, section, original) = Self.files[round % 2 * 2]
            let key = section.last ?? ""
            let path = Array(section.dropLast())
            func settings(_ text: String) throws -> Service {
                let file = try SettingsFile(FileContents.text(of: Array(text.utf8)), name: "f", format: format)
                return path.isEmpty
                    ? try decoder.decode(from: file, section: key)
                    : try decoder.decode(from: file, section: path[0], key)
            }
            var lines = original.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            for _ in 0..<3 {
                let at = Int.random(in: 0...lines.count, using: &random)
                lines.insert(["", "# [a]: {", "   "].randomElement(using: &random) ?? "", at: at)
            }
            for index in lines.indices
            where lines[index].contains(where: \.isLetter) && !lines[index].contains("#") && Bool.random(using: &random)
            {
                let spelling = ["log_level": "log-level", "amqp_uri": "AMQP_URI", "keepalive": "keep_alive"]
                for (one, other) in spelling { lines[index].replace(one, with: other) }
                lines[index] += ["", " ", "\t "].randomElement(using: &random) ?? ""
            }
            var text = lines.joined(separator: Bool.random(using: &random) ? "\n" : "\r\n")
            if Bool.random(using: &random) { text = "\u{FEFF}" + text }
            #expect(try settings(text) == settings(original), "round \(round): \(text)")
        }
    }
}
