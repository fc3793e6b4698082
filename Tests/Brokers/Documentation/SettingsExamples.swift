import Foundation
import IntegrationSupport
import Martlet
import MartletBrokers
import MartletSettings
import Testing

/// The program of the article on settings, and its files.
@Suite(.timeLimit(.minutes(10))) struct SettingsExamples {
    struct Machine: Decodable {
        var broker: Secret
        var services: [String: SettingsNode]?
    }

    struct Greenhouse: Decodable {
        enum Mode: String, Decodable, CaseIterable { case automatic, manual }

        struct Sensor: Decodable {
            var name: String
            var topic: String
            var offset: Double?
        }

        var interval: Duration = .seconds(60)
        var history: ByteCount = 16_777_216
        var mode = Mode.automatic
        var sensors: [Sensor] = []
        var adminToken: Secret?
    }

    struct Consume: Decodable {
        var amqpURI: String
        var enabled: Bool?
    }

    /// Compiled, and not run: it reads until it is told to end.
    private func program(_ config: String?) async throws {
        let file = try SettingsFile.first(of: [
            .named(config), .variable("MARTLET_CONFIG"), "greenhouse.yml", "/etc/greenhouse.yml",
        ])
        let decoder = SettingsDecoder()
        let machine = try decoder.decode(Machine.self, from: file)
        let settings = try decoder.decode(from: file, section: "services", "greenhouse", defaults: Greenhouse())

        let options = ConnectionOptions(name: "greenhouse")
        try await withConnection(to: machine.broker.value, connection: options) { broker in
            let names = Dictionary(settings.sensors.map { (TopicName($0.topic), $0) }) { first, _ in first }
            for try await reading in try await broker.subscribe(to: TopicFilter<Double>("house.*.temperature")) {
                guard let sensor = names[reading.topic] else { continue }
                print(sensor.name, reading.value + (sensor.offset ?? 0))
            }
        }

        let consume = try SettingsDecoder().decode(
            Consume.self,
            from: SettingsFile(contentsOf: "/etc/farine.ini"),
            section: "consume"
        )
        print(consume)
    }

    struct Echo: Decodable {
        var customValue: String
        var timeout: Duration?
    }

    /// Compiled, and not run: as the README has it.
    private func readme(_ config: String?, _ url: String) async throws {
        let file = try SettingsFile.first(of: [.named(config), "miqro.yml", "/etc/miqro.yml"])
        let echo = try SettingsDecoder().decode(Echo.self, from: file, section: "services", "echo")
        print(echo)

        try await withConnection(to: url) { broker in
            try await broker.publish(Sonar(distance: 2.5), to: sonar)
        }
    }

    /// Compiled, and not run: as the comment of `SettingsFile.first` has it.
    private func locations(_ config: String?) throws -> SettingsFile? {
        let file = try SettingsFile.first(of: [
            .named(config), .variable("MARTLET_CONFIG"), .variable("FARINE_INI", .ini),
            "miqro.yml", "/etc/miqro.yml", "/etc/farine.ini",
        ])
        return file
    }

    private static let article = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Sources/MartletSettings/MartletSettings.docc/Settings.md")

    private func files(_ language: String) throws -> [String] {
        let text = try String(contentsOf: Self.article, encoding: .utf8)
        return text.components(separatedBy: "```\(language)\n").dropFirst().map { $0.components(separatedBy: "```")[0] }
    }

    @Test func filesAreWhatTheProgramReads() throws {
        let decoder = SettingsDecoder(environment: .none)
        let yaml = try #require(try files("yaml").first)
        let file = try SettingsFile(yaml, name: "greenhouse.yml")
        #expect(try decoder.decode(Machine.self, from: file).broker.value == "mqtt://raspberry.local?keepalive=30s")
        let greenhouse = try decoder.decode(from: file, section: "services", "greenhouse", defaults: Greenhouse())
        #expect(greenhouse.interval == .seconds(30))
        #expect(greenhouse.history == ByteCount(64 << 20))
        #expect(greenhouse.mode == .manual)
        #expect(greenhouse.sensors.map(\.offset) == [nil, -0.5])
        #expect(greenhouse.adminToken == nil)
        let token = SettingsDecoder(environment: SettingsEnvironment(["MARTLET_GREENHOUSE_ADMIN_TOKEN": "t"]))
        let changed = try token.decode(from: file, section: "services", "greenhouse", defaults: Greenhouse())
        #expect(changed.adminToken?.value == "t")
        let ini = try #require(try files("ini").first)
        let farine = try SettingsFile(ini, name: "farine.ini", format: .ini)
        let consume = try decoder.decode(Consume.self, from: farine, section: "consume")
        #expect(consume.amqpURI == "amqp://baguette:baguette@127.0.0.1:5672/baguette")
        #expect(consume.enabled == true)
    }

    @Test func errorsReadAsTheArticleShowsThem() throws {
        let yaml = try #require(try files("yaml").first)
        let article = try String(contentsOf: Self.article, encoding: .utf8)
        for (good, wrong) in [("64MiB", "64 MB"), ("interval: 30s", "intervall: 30s")] {
            let file = try SettingsFile(yaml.replacing(good, with: wrong), name: "/etc/greenhouse.yml")
            let error = #expect(throws: SettingsError.self) {
                try SettingsDecoder(environment: .none)
                    .decode(from: file, section: "services", "greenhouse", defaults: Greenhouse())
            }
            #expect(article.contains(error?.description ?? "?"), "\(error?.description ?? "")")
        }
    }
}

/// The programs of the documentation of brokers by their URL.
@Suite(.timeLimit(.minutes(10))) struct BrokersExamples {
    @Test func overview() async throws {
        let url = "memory:greenhouse"
        try await withConnection(to: url, connection: ConnectionOptions(name: "desk")) { broker in
            try await broker.publish(21.5, to: Topic<Double>("greenhouse.temperature"))
        }

        try MemoryBroker.named("greenhouse").declareQueue("jobs", options: QueueOptions(maximumDeliveries: 3))
    }
}
