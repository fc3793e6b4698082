import IntegrationSupport
import Martlet
import Testing

@testable import MartletSettings

@Suite("The environment", .timeLimit(.minutes(10)))
struct EnvironmentTests {
    private struct Echo: Decodable, Equatable {
        struct Database: Decodable, Equatable {
            var host: String
            var port: Int?
        }

        var customValue: String?
        var port: Int?
        var isOn: Bool?
        var interval: Duration?
        var hosts: [String]?
        var password: Secret?
        var database: Database?
    }

    private static let yaml =
        "echo: {custom_value: file, port: 1, hosts: [a], password: p, database: {host: h, port: 1}}"

    private func echo(_ variables: [String: String], _ text: String = yaml) throws -> Echo {
        try SettingsDecoder(environment: .init(variables))
            .decode(Echo.self, from: SettingsFile(text, name: "f.yml"), section: "echo")
    }

    private func failure(_ variables: [String: String], _ text: String = yaml) -> String {
        let error = #expect(throws: SettingsError.self) { try echo(variables, text) }
        return error?.description ?? ""
    }

    @Test("counts more than the file, key by key")
    func overlays() throws {
        let variables = [
            "MARTLET_ECHO_CUSTOM_VALUE": "variable", "MARTLET_ECHO_PORT": "2", "MARTLET_ECHO_IS_ON": "1",
            "MARTLET_ECHO_INTERVAL": "30s", "MARTLET_ECHO_HOSTS": "b, c", "MARTLET_ECHO_PASSWORD": "q",
            "MARTLET_ECHO_DATABASE_PORT": "2", "MARTLET_OTHER_PORT": "3", "ECHO_PORT": "4",
        ]
        let expected = Echo(
            customValue: "variable",
            port: 2,
            isOn: true,
            interval: .seconds(30),
            hosts: ["b", "c"],
            password: "q",
            database: .init(host: "h", port: 2)
        )
        #expect(try echo(variables) == expected)
        #expect(try echo([:]).port == 1)
        #expect(try echo(["MARTLET_ECHO_PORT": ""]).port == 1)
    }

    @Test("says all that a file does not")
    func needsNoFile() throws {
        struct Needed: Decodable {
            struct Database: Decodable { var host: String }

            var database: Database
            var port: Int
        }
        let variables = ["MARTLET_ECHO_DATABASE_HOST": "h", "MARTLET_ECHO_PORT": "1"]
        let needed = try SettingsDecoder(environment: .init(variables)).decode(Needed.self, from: nil, section: "echo")
        #expect(needed.database.host == "h")
        #expect(needed.port == 1)
        let error = #expect(throws: SettingsError.self) {
            try SettingsDecoder(environment: .init(["MARTLET_ECHO_PORT": "1"]))
                .decode(Needed.self, from: nil, section: "echo")
        }
        #expect(
            error?.description == "echo: the key database is missing, and so is the variable MARTLET_ECHO_DATABASE"
        )
        let half = #expect(throws: SettingsError.self) {
            try SettingsDecoder(environment: .init(["MARTLET_ECHO_DATABASE_HOST": "h"]))
                .decode(Needed.self, from: nil, section: "echo")
        }
        #expect(half?.description == "echo: the key port is missing, and so is the variable MARTLET_ECHO_PORT")
    }

    @Test("makes a table that is optional, if something is for it")
    func makesTables() throws {
        #expect(try echo(["MARTLET_ECHO_DATABASE_HOST": "h"], "").database == .init(host: "h"))
        #expect(try echo(["MARTLET_ECHO_DATABASES": "h"], "").database == nil)
        // Something is for it, and not enough.
        #expect(failure(["MARTLET_ECHO_DATABASE_PORT": "1"], "").contains("the key host is missing"))
        struct Timed: Decodable {
            struct Database: Decodable { var host: String }

            var database: Database?
            var databaseTimeout: Duration?
        }
        let timed = try SettingsDecoder(environment: .init(["MARTLET_ECHO_DATABASE_TIMEOUT": "1s"]))
            .decode(Timed.self, from: nil, section: "echo")
        #expect(timed.database == nil)
        #expect(timed.databaseTimeout == .seconds(1))
    }

    @Test("has one variable for one key")
    func refusesAmbiguity() throws {
        struct Two: Decodable {
            struct Database: Decodable { var host: String? }

            var database: Database
            var databaseHost: String?
        }
        let file = try SettingsFile("echo: {database: {host: a}, database_host: b}", name: "f.yml")
        let two = try SettingsDecoder(environment: .none).decode(Two.self, from: file, section: "echo")
        #expect(two.databaseHost == "b")
        let error = #expect(throws: SettingsError.self) {
            try SettingsDecoder(environment: .init(["MARTLET_ECHO_DATABASE_HOST": "c"]))
                .decode(Two.self, from: file, section: "echo")
        }
        #expect(
            error?.description
                == "MARTLET_ECHO_DATABASE_HOST: it may be meant for echo.database.host and for echo.database_host: "
                + "say it in the file"
        )
    }

    @Test("reads values from files, as one that a variable names or as a credential of systemd")
    func readsFiles() throws {
        let folder = try TemporaryFolder("settings")
        defer { folder.remove() }
        let file = try folder.write("from a file\n", to: "secret")
        #expect(try echo(["MARTLET_ECHO_PASSWORD_FILE": file]).password == "from a file")
        _ = try folder.write("one\ntwo\r\n", to: "echo.password")
        _ = try folder.write("7", to: "echo.port")
        _ = try folder.write("h", to: "echo.database.host")
        let credentials = ["CREDENTIALS_DIRECTORY": folder.path]
        #expect(try echo(credentials).password == "one\ntwo")
        #expect(try echo(credentials).port == 7)
        #expect(try echo(credentials, "").database == .init(host: "h"))
        // A variable counts more than a credential.
        #expect(try echo(credentials.merging(["MARTLET_ECHO_PORT": "8"]) { $1 }).port == 8)
        let both = ["MARTLET_ECHO_PASSWORD": "a", "MARTLET_ECHO_PASSWORD_FILE": file]
        #expect(
            failure(both)
                == "MARTLET_ECHO_PASSWORD: echo.password: it is set, and so is MARTLET_ECHO_PASSWORD_FILE; "
                + "one of them says the value"
        )
        #expect(
            failure(["MARTLET_ECHO_PASSWORD_FILE": folder.path("none")])
                == "MARTLET_ECHO_PASSWORD_FILE: echo.password: the file that it names is not there"
        )
        #expect(failure(["MARTLET_ECHO_PASSWORD_FILE": folder.path]).contains("can't be read: Is a directory"))
        // A value that is read from a file is quoted nowhere.
        #expect(
            failure(["MARTLET_ECHO_PORT_FILE": file])
                == "MARTLET_ECHO_PORT_FILE: echo.port: it is a text where a whole number is expected"
        )
    }

    @Test("has no credentials in a folder that is not there, and says so of one that can't be read")
    func readsTheFolder() throws {
        let folder = try TemporaryFolder("settings")
        defer { folder.remove() }
        #expect(try echo(["CREDENTIALS_DIRECTORY": folder.path("none")]).port == 1)
        let file = try folder.write("x", to: "file")
        for path in [file, file + "/below"] {
            #expect(
                failure(["CREDENTIALS_DIRECTORY": path])
                    == "CREDENTIALS_DIRECTORY: the folder that it names can't be read: Not a directory"
            )
        }
    }

    @Test("is named where its values are wrong")
    func namesVariables() {
        #expect(
            failure(["MARTLET_ECHO_PORT": "x"]).hasPrefix(
                "MARTLET_ECHO_PORT: echo.port: it is \"x\" where a whole number"
            )
        )
        #expect(
            failure(["MARTLET_ECHO_DATABASE": "x"])
                == "MARTLET_ECHO_DATABASE: echo.database: it is \"x\" where a table of keys and values is expected"
        )
    }

    @Test("names keys of the file itself by themselves, and of sections with signs by words")
    func namesKeys() throws {
        struct Root: Decodable { var logLevel: String }
        let environment = SettingsEnvironment(["MARTLET_LOG_LEVEL": "debug", "MARTLET_MY_SERVICE_LOG_LEVEL": "info"])
        let decoder = SettingsDecoder(environment: environment)
        #expect(try decoder.decode(Root.self, from: nil).logLevel == "debug")
        #expect(try decoder.decode(Root.self, from: nil, section: "services", "my-service").logLevel == "info")
        let own = SettingsDecoder(environment: .init(["SHOP_LOG_LEVEL": "trace"], prefix: "SHOP"))
        #expect(try own.decode(Root.self, from: nil).logLevel == "trace")
        for (key, name) in [
            ("amqpURI", "MARTLET_AMQP_URI"), ("MQTTBroker", "MARTLET_MQTT_BROKER"), ("utf8Name", "MARTLET_UTF8_NAME"),
            ("a.b/c", "MARTLET_A_B_C"), ("../x", "MARTLET_X"),
        ] {
            #expect(environment.variable(for: [key]) == name)
        }
        #expect(environment.variable(for: ["--"]) == nil)
    }

    @Test("of endless depth ends")
    func boundsDepth() {
        final class Node: Decodable { var node: Node? }
        let name = "MARTLET_ECHO" + String(repeating: "_NODE", count: 10_000)
        let error = #expect(throws: SettingsError.self) {
            try SettingsDecoder(environment: .init([name: "x"])).decode(Node.self, from: nil, section: "echo")
        }
        #expect(error?.message.contains("too deep in each other") == true, "\(error?.description.prefix(200) ?? "")")
    }
}
