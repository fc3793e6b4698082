import Martlet
import Testing

@testable import MartletSettings

/// Files that were written for other libraries are read as they are, whole.
@Suite("A file of", .timeLimit(.minutes(10)))
struct ForeignFileTests {
    private let decoder = SettingsDecoder(environment: .none)

    // MARK: miqro

    private struct Miqro: Decodable {
        struct Broker: Decodable {
            var host: String
            var port: Int
            var keepalive: Duration
        }

        struct Authentication: Decodable {
            var username: String
            var password: Secret
        }

        struct TLS: Decodable {
            enum Demand: String, Decodable, CaseIterable { case none = "CERT_NONE", required = "CERT_REQUIRED" }

            var caCerts: String?
            var certfile: String?
            var keyfile: String?
            var certReqs: Demand?
            var tlsVersion: String?
            var ciphers: String?
        }

        var broker: Broker
        var auth: Authentication?
        var tls: TLS?
        var logLevel: String?
        var services: [String: SettingsNode]?
    }

    private struct Echo: Decodable { var customValue: String }

    private struct Other: Decodable {
        struct Some: Decodable { var custom: [String] }

        var hasSome: Some
    }

    @Test("miqro, with its services")
    func readsMiqro() throws {
        let file = try SettingsFile(
            """
            broker:
              host: localhost
              port: 1883
              keepalive: 60
              
            log_level: DEBUG

            services:

              echo:
                custom_value: "Use for service-specific configuration values"

              some_other_service:
                has_some:
                  custom:
                    - "configuration values"
            """,
            name: "miqro.yml"
        )
        let miqro = try decoder.decode(Miqro.self, from: file)
        #expect(miqro.broker.host == "localhost")
        #expect(miqro.broker.port == 1_883)
        #expect(miqro.broker.keepalive == .seconds(60))
        #expect(miqro.logLevel == "DEBUG")
        #expect(miqro.services?.keys.sorted() == ["echo", "some_other_service"])
        let echo = try decoder.decode(Echo.self, from: file, section: "services", "echo")
        #expect(echo.customValue == "Use for service-specific configuration values")
        let other = try decoder.decode(Other.self, from: file, section: "services", "some_other_service")
        #expect(other.hasSome.custom == ["configuration values"])
        // The same, from the piece that the whole has kept.
        let piece = try #require(miqro.services?["echo"])
        #expect(try decoder.decode(Echo.self, from: piece, variables: "echo").customValue == echo.customValue)
    }

    @Test("miqro, with a user and TLS")
    func readsMiqroSecurity() throws {
        let user = try SettingsFile(
            """
            broker:
              host: remote-broker.example.com
              port: 1883
              keepalive: 60

            auth: 
              username: foo
              password: bar

            """,
            name: "miqro.yml"
        )
        let authentication = try #require(try decoder.decode(Miqro.self, from: user).auth)
        #expect(authentication.username == "foo")
        #expect(authentication.password.value == "bar")
        let tls = try SettingsFile(
            """
            broker:
                host: remote-broker.example.com
                port: 8883
                keepalive: 60

            tls:
                ca_certs: /path/to/ca.pem
                certfile: /path/to/client.pem
                keyfile: /path/to/key.pem
                cert_reqs: CERT_REQUIRED
                tls_version: PROTOCOL_TLS
                ciphers: None
            """,
            name: "miqro.yml"
        )
        let options = try #require(try decoder.decode(Miqro.self, from: tls).tls)
        #expect(options.caCerts == "/path/to/ca.pem")
        #expect(options.certfile == "/path/to/client.pem")
        #expect(options.keyfile == "/path/to/key.pem")
        #expect(options.certReqs == .required)
        #expect(options.tlsVersion == "PROTOCOL_TLS")
        #expect(options.ciphers == "None")
    }

    // MARK: farine

    private struct Farine: Decodable {
        var amqpURI: String
        var enabled: Bool?
        var dbConnector: String?
        var dbName: String?
        var dbUser: String?
        var dbHost: String?
        var dbPassword: Secret?
        var dbPort: Int?
        var dbMaxConn: Int?
        var dbStaleTimeout: Duration?
        var dbTimeout: Duration?

        enum CodingKeys: String, CodingKey {
            case amqpURI = "amqp_uri"
            case enabled, dbConnector, dbName, dbUser, dbHost, dbPassword, dbPort, dbMaxConn, dbStaleTimeout, dbTimeout
        }
    }

    @Test("farine, with a database")
    func readsFarine() throws {
        let file = try SettingsFile(
            """
            [DEFAULT]
            amqp_uri = amqp://baguette:baguette@127.0.0.1:5672/baguette
            db_connector = postgres
            db_name = shop
            db_user = baker
            db_host = 127.0.0.1
            db_password = fl%our
            db_port = 5432
            db_max_conn = 20
            db_stale_timeout = 300
            db_timeout = 1.5

            [consume]
            enabled = true
            """,
            name: "/etc/farine.ini",
            format: .ini
        )
        let consume = try decoder.decode(Farine.self, from: file, section: "consume")
        #expect(consume.amqpURI == "amqp://baguette:baguette@127.0.0.1:5672/baguette")
        #expect(consume.enabled == true)
        #expect(consume.dbConnector == "postgres")
        #expect(consume.dbName == "shop")
        #expect(consume.dbUser == "baker")
        #expect(consume.dbHost == "127.0.0.1")
        #expect(consume.dbPassword?.value == "fl%our")
        #expect(consume.dbPort == 5_432)
        #expect(consume.dbMaxConn == 20)
        #expect(consume.dbStaleTimeout == .seconds(300))
        #expect(consume.dbTimeout == .milliseconds(1_500))
        #expect(try decoder.decode(Farine.self, from: file, section: "publish").enabled == nil)
        let text =
            "[DEFAULT]\namqp_uri = amqp://baguette:baguette@127.0.0.1:5672/baguette\n\n[consume]\nenabled = false\n"
        let short = try SettingsFile(text, name: "/etc/farine.ini", format: .ini)
        #expect(try decoder.decode(Farine.self, from: short, section: "consume").enabled == false)
        #expect(try decoder.decode(Farine.self, from: short, section: "consume").dbName == nil)
    }

    // MARK: mulay

    private struct Mulay: Decodable {
        struct Carbon: Decodable {
            var host: String
            var port: Int
        }

        struct MQTT: Decodable {
            var host: String
            var port: Int
            var user: String
            var password: Secret
        }

        struct AMQP: Decodable {
            var url: String
            var queue: String
        }

        struct Slack: Decodable {
            var token: Secret
            var channel: String
        }

        var carbon: Carbon
        var mqtt: MQTT?
        var amqp: AMQP?
        var slack: Slack?
    }

    private static let carbon = "carbon:\n  host: my.graphitedb.home.net\n  port: 2023\n"
    private static let mqtt =
        "host: m16.cloudmqtt.com\nport: 20996\nuser: <some-user>\npassword: <some-password>\n"

    @Test("mulay, with each of its relays")
    func readsMulay() throws {
        func mulay(_ text: String) throws -> Mulay {
            try decoder.decode(Mulay.self, from: SettingsFile(Self.carbon + text, name: "relay.yml"))
        }
        let nested = Self.mqtt.split(separator: "\n").map { "  \($0)\n" }.joined()
        let mqtt = try mulay("mqtt:\n" + nested)
        #expect(mqtt.carbon.host == "my.graphitedb.home.net")
        #expect(mqtt.carbon.port == 2_023)
        #expect(mqtt.mqtt?.host == "m16.cloudmqtt.com")
        #expect(mqtt.mqtt?.port == 20_996)
        #expect(mqtt.mqtt?.user == "<some-user>")
        #expect(mqtt.mqtt?.password.value == "<some-password>")
        let url = "amqp://<amqp-user>:<amqp-password>@wombat.rmq.cloudamqp.com/<amqp-instance>"
        let amqp = try mulay("amqp:\n  url: \(url)\n  queue: my-metrics\n")
        #expect(amqp.amqp?.url == url)
        #expect(amqp.amqp?.queue == "my-metrics")
        let slack = try mulay("slack:\n  token: <your-token-here>\n  channel: my-metrics\n")
        #expect(slack.slack?.token.value == "<your-token-here>")
        #expect(slack.slack?.channel == "my-metrics")
        let sender = try decoder.decode(Mulay.MQTT.self, from: SettingsFile(Self.mqtt, name: "sender.yml"))
        #expect(sender.host == "m16.cloudmqtt.com")
    }
}
