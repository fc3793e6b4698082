import Martlet
import Testing

@testable import MartletSettings

@Suite("A secret", .timeLimit(.minutes(10)))
struct SecretTests {
    private struct Account: Codable { var password: Secret }

    @Test("is shown nowhere")
    func isHidden() throws {
        let account = Account(password: "hunter2")
        var shown = "\(account) \(account.password) \(String(reflecting: account))"
        dump(account, to: &shown)
        for child in Mirror(reflecting: account.password).children { shown += "\(child)" }
        shown += "\([account.password]) \(Optional(account.password) as Any) \(account.password.debugDescription)"
        shown += String(decoding: try JSONCodec().encode(account), as: UTF8.self)
        #expect(!shown.contains("hunter2"))
        #expect("\(account.password)" == "***")
        #expect(account.password.value == "hunter2")
    }

    @Test("is in no error, whatever is wrong")
    func isInNoError() throws {
        var printed = ""
        struct Broker: Decodable {
            enum Token: String, Decodable { case known }

            var port: Int?
            var password: Int?
            var apiToken: Token?
            var amqpURI: Int?
            var url: [Int]?
            var level: Level?
            enum Level: String, Decodable { case loud }
        }
        for text in [
            "a: {port: \"amqp://u:hunter2@h/\"}", "a: {password: hunter2}", "a: {api_token: hunter2}",
            "a: {amqp_uri: hunter2}", "a: {url: hunter2}", "a: {level: \"amqp://u:hunter2@h/\"}", "a: [hunter2]",
            "a: {passwort: hunter2}", "a: {\"amqp://u:hunter2@h/\": 1}", "a: {password: \"hunter2}", "a: &hunter2 {}",
            "a: {password: [hunter2, {hunter2: }", "a: {hunter2",
        ] {
            let error = #expect(throws: SettingsError.self) {
                let file = try SettingsFile(text, name: "f.yml")
                dump(file, to: &printed)
                return try SettingsDecoder(environment: .none).decode(Broker.self, from: file, section: "a")
            }
            #expect(error?.description.contains("hunter2") == false, "\(error?.description ?? "")")
        }
        #expect(!printed.contains("hunter2"))
        for variables in [
            ["MARTLET_A_PASSWORD": "hunter2"], ["MARTLET_A_PORT": "amqp://u:hunter2@h/"],
            ["MARTLET_A_PASSWORD_FILE": "/hunter2"],
        ] {
            let environment = SettingsEnvironment(variables)
            let error = #expect(throws: SettingsError.self) {
                try SettingsDecoder(environment: environment).decode(Broker.self, from: nil, section: "a")
            }
            #expect(error?.description.contains("hunter2") == false, "\(error?.description ?? "")")
            dump(environment, to: &printed)
        }
        #expect(!printed.contains("hunter2"))
    }

    @Test("sizes are written as people write them, in every codec")
    func writesSizes() throws {
        let bytes = try JSONCodec().encode(["size": ByteCount(64 << 20)])
        #expect(String(decoding: bytes, as: UTF8.self) == #"{"size":"64MiB"}"#)
        #expect(try JSONCodec().decode([String: ByteCount].self, from: bytes)["size"] == ByteCount(64 << 20))
        #expect(try JSONCodec().decode([ByteCount].self, from: Array("[5, \"1kB\"]".utf8)) == [5, 1_000])
        #expect(throws: (any Error).self) { try JSONCodec().decode([ByteCount].self, from: Array("[\"big\"]".utf8)) }
    }
}
