import IntegrationSupport
import Logging
import Martlet
import MartletAMQP
import MartletMQTT
import MartletSQL
import MartletSettings
import Testing

@testable import MartletService

@Suite("A service's settings")
struct ServiceSettingsTests {
    struct Echo: ServiceProgram {
        struct Settings: Decodable, Sendable {
            var customValue: String
            var interval: Duration?
        }

        let service: ServiceContext<MQTTConnection, Settings>
    }

    struct Lamp: ServiceProgram {
        struct Settings: Decodable, Sendable {
            var level = 5
        }

        static let defaults: Settings? = Settings()
        let service: ServiceContext<MQTTConnection, Settings>
    }

    private func settings(
        _ text: String,
        _ format: SettingsFile.Format = .yaml,
        _ variables: [String: String] = [:]
    ) throws -> ServiceSettings {
        let file = try SettingsFile(text, name: "s", format: format)
        return ServiceSettings(file, environment: SettingsEnvironment(variables))
    }

    static let miqro = """
        broker:
          host: remote-broker.example.com
          port: 8883
          keepalive: 60
        auth:
          username: foo
          password: "p@ss/word"
        tls:
          ca_certs: /path/to/ca.pem
          certfile: /path/to/client.pem
          keyfile: /path/to/key.pem
          cert_reqs: CERT_REQUIRED
          tls_version: PROTOCOL_TLS
          ciphers: None
        log_level: DEBUG
        services:
          echo:
            custom_value: "Use for service-specific configuration values"
            data_topic: house/echo/
          some_other_service:
            has_some:
              custom:
                - "configuration values"
        """

    @Test func `of miqro are read as they are`() throws {
        let plan = try settings(Self.miqro).plan(for: Echo.self)
        #expect(
            plan.broker.value == "mqtts://foo:p%40ss%2Fword@remote-broker.example.com:8883"
                + "?cafile=%2Fpath%2Fto%2Fca.pem&certfile=%2Fpath%2Fto%2Fclient.pem&keyfile=%2Fpath%2Fto%2Fkey.pem&keepalive=60s"
        )
        let options = try MQTTOptions(url: plan.broker.value)
        #expect(options.password == "p@ss/word")
        #expect(options.keepAlive == .seconds(60))
        #expect(options.tls?.trust == .file("/path/to/ca.pem"))
        #expect(options.tls?.ciphers == nil)
        #expect(plan.base.mqtt == "house/echo")
        #expect(plan.settings.customValue == "Use for service-specific configuration values")
        #expect(plan.logger.logLevel == .debug)
        #expect(plan.connection.name == "echo")
        #expect(plan.connection.will?.topic.mqtt == "house/echo/online")
        #expect(plan.connection.will?.message.body == Array("0".utf8))
        #expect(plan.connection.will?.retain == true)
        #expect(plan.node.online?.interval == .seconds(180))
        #expect(!plan.summary(of: "s").contains("p@ss") && !plan.summary(of: "s").contains("p%40ss"))
    }

    @Test(arguments: [
        ("cert_reqs: CERT_REQUIRED", TLSOptions()), ("cert_reqs: CERT_OPTIONAL", TLSOptions()),
        ("cert_reqs: CERT_NONE", TLSOptions(verification: .none)),
        ("tls_version: PROTOCOL_TLS", TLSOptions()), ("tls_version: PROTOCOL_SSLv23", TLSOptions()),
        ("tls_version: PROTOCOL_TLSv1_2", TLSOptions(minimumVersion: .tls12)),
        ("ciphers: ECDHE+AESGCM", TLSOptions(ciphers: "ECDHE+AESGCM")), ("ciphers: None", TLSOptions()),
        ("ca_certs: /ca.pem", TLSOptions(trust: .file("/ca.pem"))),
    ])
    func `of TLS are those of Python`(text: String, expected: TLSOptions) throws {
        let plan = try settings("broker: {host: h}\ntls: {\(text)}").plan(for: Lamp.self)
        #expect(try MQTTOptions(url: plan.broker.value).tls == expected)
    }

    @Test func `are looked for in the machine's folder`() throws {
        let folder = try TemporaryFolder("etc")
        let ini = try folder.write("[DEFAULT]\namqp_uri = amqp://farine\n", to: "farine.ini")
        func found() throws -> ServiceSettings {
            try ServiceSettings(environment: SettingsEnvironment([:]), machine: folder.path)
        }
        #expect(try found().file?.name == ini)
        #expect(try found().plan(for: Lamp.self).broker.value == "amqp://farine")
        // The one for all services of the machine counts more.
        let yaml = try folder.write("broker: mqtt://miqro\n", to: "miqro.yml")
        #expect(try found().file?.name == yaml)
        #expect(try found().plan(for: Lamp.self).broker.value == "mqtt://miqro")
        let empty = try TemporaryFolder("etc")
        #expect(try ServiceSettings(environment: SettingsEnvironment([:]), machine: empty.path).file == nil)
    }

    @Test func `say where the log is published`() throws {
        let text = "broker: mqtt://h\nlog_level: warning\nservices: {lamp: {log_topic: logs/lamp}}"
        let plan = try settings(text).plan(for: Lamp.self)
        #expect(plan.node.log == .from(.warning, on: TopicName(mqtt: "logs/lamp")))
        #expect(plan.summary(of: "s").contains("log: logs/lamp\n"))
        let tried = try settings(text).plan(for: Lamp.self, debugPrefix: "try")
        #expect(tried.node.log?.topic?.mqtt == "try/logs/lamp")
        let silent = try settings("broker: mqtt://h").plan(for: Lamp.self)
        #expect(silent.node.log == nil)
        #expect(silent.summary(of: "s").contains("log: not published\n"))
        let ini = try settings("[DEFAULT]\namqp_uri = amqp://h\n[lamp]\nlog_topic = logs.lamp\n", .ini)
        #expect(try ini.plan(for: Lamp.self).node.log == .from(.info, on: "logs.lamp"))
    }

    /// A service of farine's with a database.
    struct Consumer: ServiceProgram {
        let service: ServiceContext<AMQPConnection, DatabaseSettings>
    }

    @Test func `name a database, as farine's do`() throws {
        let text = """
            [DEFAULT]
            amqp_uri = amqp://h
            db_connector = postgres
            db_name = shop
            db_user = clerk
            db_host = db.home
            db_password = secret
            db_port = 5433
            db_max_conn = 20
            db_stale_timeout = 300
            db_timeout = 5

            [consumer]
            enabled = true
            """
        let database = try settings(text, .ini).plan(for: Consumer.self).settings
        #expect(database.connector == "postgres" && database.name == "shop" && database.host == "db.home")
        #expect(database.user == "clerk" && database.password?.value == "secret" && database.port == 5_433)
        #expect(database.maximumConnections == 20)
        #expect(database.staleTimeout == .seconds(300) && database.timeout == .seconds(5))
        // Beside one that has none.
        #expect(try settings(text, .ini).plan(for: Lamp.self).settings.level == 5)
        let nameless = text.replacing("db_name = shop\n", with: "")
        #expect { _ = try settings(nameless, .ini).plan(for: Consumer.self) } throws: { "\($0)".contains("db_name") }
    }

    @Test func `have defaults, a URL, and the environment`() throws {
        let plan = try settings("broker: mqtt://localhost").plan(for: Lamp.self)
        #expect(plan.broker.value == "mqtt://localhost")
        #expect(plan.base.mqtt == "service/lamp")
        #expect(plan.settings.level == 5)
        #expect(plan.logger.logLevel == .info)
        let variables = ["MARTLET_BROKER": "mqtt://other", "MARTLET_LAMP_LEVEL": "7", "MARTLET_LAMP_DATA_TOPIC": "a/b"]
        let other = try settings("broker: mqtt://localhost", .yaml, variables).plan(for: Lamp.self, isVerbose: true)
        #expect(other.broker.value == "mqtt://other")
        #expect(other.settings.level == 7)
        #expect(other.base.mqtt == "a/b")
        #expect(other.logger.logLevel == .trace)
        let alone = ServiceSettings(SettingsFile?.none, environment: SettingsEnvironment(variables))
        #expect(try alone.plan(for: Lamp.self).broker.value == "mqtt://other")
    }

    @Test func `say where Home Assistant is`() throws {
        let usual = try settings("broker: mqtt://h").plan(for: Lamp.self).scope
        #expect(usual.discoveryPrefix == "homeassistant" && usual.birthTopic == nil && usual.birthPayload == "online")
        let text = "broker: mqtt://h\nha_discovery_prefix: ha\nha_birth_topic: ha/birth\nha_birth_payload: hello"
        let scope = try settings(text).plan(for: Lamp.self).scope
        #expect(scope.discoveryPrefix == "ha" && scope.birthTopic?.mqtt == "ha/birth" && scope.birthPayload == "hello")
    }

    @Test func `of farine are read as they are`() throws {
        let text = """
            [DEFAULT]
            amqp_uri = amqp://baguette:baguette@127.0.0.1:5672/baguette

            [echo]
            enabled = false
            custom_value = x
            """
        let plan = try settings(text, .ini).plan(for: Echo.self)
        #expect(plan.broker.value == "amqp://baguette:baguette@127.0.0.1:5672/baguette")
        #expect(!plan.isEnabled)
        #expect(plan.connection.will == nil)
        #expect(plan.node.online == nil)
        #expect(try settings(text, .ini).plan(for: Lamp.self).isEnabled)
        // What the environment says counts more.
        let variables = ["MARTLET_BROKER": "amqp://other", "MARTLET_LOG_LEVEL": "error"]
        let other = try settings(text, .ini, variables).plan(for: Echo.self)
        #expect(other.broker.value == "amqp://other")
        #expect(other.logger.logLevel == .error)
        #expect(other.settings.customValue == "x")
    }

    @Test(arguments: [
        ("services: {echo: {custom_value: x}}", "s: broker: no broker is named"),
        ("broker: mqtt://h\nservices:\n  echo:\n    custom: x", "s:4:5: services.echo: "),
        ("broker: mqtt://h\nservices:\n  echo: {}", "s:3:9: services.echo"),
        ("broker: mqtt://h\nlog_level: loud\nservices: {echo: {custom_value: x}}", "s:2:12: log_level"),
        ("brokr: mqtt://h", "s:1:1: "),
        ("broker: {host: h}\ntls: {cert_reqs: SOME}", "s:2:18: tls.cert_reqs"),
        ("broker: {port: 1}", "s:1:9: broker"),
        ("broker: mqtt://h\nauth: {username: a}\nservices: {echo: {custom_value: x}}", "s: auth: it is for a broker"),
    ])
    func `that are wrong are told with their place`(text: String, error: String) throws {
        #expect { _ = try settings(text).plan(for: Echo.self) } throws: { found in
            if !"\(found)".hasPrefix(error) { print(found) }
            return "\(found)".hasPrefix(error)
        }
    }

    @Test func `name the state file`() {
        func path(_ folder: String?) -> String {
            let variables = folder.map { ["STATE_DIRECTORY": $0] } ?? [:]
            return StateLocation(name: "a", environment: SettingsEnvironment(variables)).path
        }
        #expect(path(nil) == "/var/lib/martlet/a.json")
        #expect(path("/var/lib/a:/var/lib/b") == "/var/lib/a/a.json")
    }
}
