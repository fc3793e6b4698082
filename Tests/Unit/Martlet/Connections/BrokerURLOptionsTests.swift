import Martlet
import Testing

@Suite struct BrokerURLOptionsTests {
    private func options(_ query: String) throws -> BrokerURLOptions {
        try BrokerURL("mqtts://u:secret@h/p?" + query).options()
    }

    /// The message of the error that reading an option throws, which is to say what was wrong and never a secret.
    private func message(_ query: String, _ read: (inout BrokerURLOptions) throws -> Void) throws -> String {
        var options = try options(query)
        let error = #expect(throws: MessagingError.self) { try read(&options) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("secret") == false, "\(error?.message ?? "")")
        return error?.message ?? ""
    }

    @Test func valuesOfAllKinds() throws {
        var options = try options("s=a%20b&i=-5&b=off&d=1.5m&c=two&l=x,y&e=")
        #expect(options.string("s") == "a b")
        #expect(options.string("e") == "")
        #expect(options.string("none") == nil)
        #expect(try options.int("i", in: -9...9) == -5)
        #expect(try options.int("none") == nil)
        #expect(try options.bool("b") == false)
        #expect(try options.duration("d") == .seconds(90))
        #expect(try options.choice("c", ["one": 1, "two": 2]) == 2)
        #expect(try options.list("l") == ["x", "y"])
        try options.finish()
    }

    @Test func whatIsWrongIsNamed() throws {
        let number = try message("n=abc") { _ = try $0.int("n") }
        #expect(
            number == "the option n of mqtts://u:***@h/p is \"abc\", where a whole number from 0 is expected"
        )
        #expect(try message("n=11") { _ = try $0.int("n", in: 1...10) }.contains("a whole number from 1 to 10"))
        #expect(try message("n=-1") { _ = try $0.int("n") }.contains("a whole number from 0"))
        #expect(try message("n=99999999999999999999") { _ = try $0.int("n") }.contains("a whole number"))
        #expect(try message("b=maybe") { _ = try $0.bool("b") }.contains("one of true, false, yes, no, on, off, 1, 0"))
        #expect(try message("b") { _ = try $0.bool("b") }.contains("is \"\", where one of"))
        #expect(try message("c=x") { _ = try $0.choice("c", ["y": 1, "z": 2]) }.contains("one of y, z"))
        #expect(try message("l=a,,b") { _ = try $0.list("l") }.contains("texts between commas"))
        #expect(try message("d=1d") { _ = try $0.duration("d") }.contains("a time such as"))
        #expect(
            try message("d=5") { _ = try $0.duration("d", in: .seconds(10)...Duration.seconds(20)) }.contains("from 10")
        )
        #expect(try message("password=secret") { _ = try $0.int("password") }.contains("is …, where"))
    }

    @Test func whatNobodyKnowsIsNamed() throws {
        let unknown = try message("a=1&keepalife=secret&b=2&zeal=1") {
            _ = $0.string("a")
            _ = $0.string("b")
            _ = $0.string("keepalive")
            try $0.finish()
        }
        #expect(
            unknown
                == "mqtts://u:***@h/p does not know the options \"keepalife\", \"zeal\"; its options are a, b, keepalive"
        )
        #expect(try message("a=1") { try $0.finish() }.hasSuffix("does not know the option \"a\"; it has no options"))
        let twice = try message("a=1&b=1&a=1") {
            _ = $0.string("a")
            _ = $0.string("b")
            try $0.finish()
        }
        #expect(twice == "the option a of mqtts://u:***@h/p is given more than once; its options are a, b")
    }

    @Test(arguments: [
        ("30s", Duration.seconds(30)), ("500ms", .milliseconds(500)), ("2m", .seconds(120)), ("1h", .seconds(3_600)),
        ("7", .seconds(7)), ("0", .zero), ("1.5", .milliseconds(1_500)), ("0.1s", .milliseconds(100)),
        ("0.000001ms", .nanoseconds(1)), ("0.5h", .seconds(1_800)), ("0.000000001s", .nanoseconds(1)),
    ])
    func durations(text: String, expected: Duration) throws {
        var options = try options("d=" + text)
        #expect(try options.duration("d") == expected)
    }

    @Test(arguments: [
        "", "s", "-1s", "+1s", "1 s", "1S", "1d", "1.s", ".5s", "1.2.3s", "1e3", "0x10", "١s", "1\u{301}s",
        "12345678901s",
        "1.1234567890s", "9999999999h", "s1", "1ms2", "1.5.ms", "∞",
    ])
    func noDurations(text: String) throws {
        var options = BrokerURL(scheme: "a", hosts: [], query: [.init("d", text)]).options()
        #expect(throws: MessagingError.self) { try options.duration("d") }
    }

    @Test func optionsForTLS() throws {
        var options = try options(
            "cafile=/ca&certfile=/c&keyfile=/k&keypassword=secret&verify=no-host-name&servername=n&tlsversion=1.3"
                + "&ciphers=ECDHE%2BAESGCM:TLS_AES_128_GCM_SHA256&alpn=mqtt,x"
        )
        let expected = TLSOptions(
            trust: .file("/ca"),
            verification: .noHostName,
            clientCertificate: .init(chainFile: "/c", keyFile: "/k", passPhrase: "secret"),
            serverName: "n",
            minimumVersion: .tls13,
            ciphers: "ECDHE+AESGCM",
            cipherSuites: "TLS_AES_128_GCM_SHA256",
            applicationProtocols: ["mqtt", "x"]
        )
        #expect(try options.tls(isUsed: true) == expected)
        try options.finish()

        var none = try self.options("")
        #expect(try none.tls(isUsed: true) == TLSOptions())
        #expect(try none.tls(isUsed: false) == nil)
        var folder = try self.options("capath=/d&certfile=/c&verify=none")
        let options2 = try folder.tls(isUsed: true)
        #expect(options2?.trust == .folder("/d"))
        #expect(options2?.verification == TLSOptions.Verification.none)
        #expect(options2?.clientCertificate?.keyFile == "/c")
    }

    @Test(arguments: [
        ("verify=maybe", "one of full, no-host-name, none"), ("tlsversion=1.1", "one of 1.2, 1.3"),
        ("cafile=/a&capath=/b", "exclude each other"), ("keyfile=/k", "keyfile of mqtts://u:***@h/p needs certfile"),
        ("keypassword=secret", "keypassword of mqtts://u:***@h/p needs certfile"), ("alpn=", "between commas"),
    ])
    func wrongOptionsForTLS(query: String, reason: String) throws {
        let message = try message(query) { _ = try $0.tls(isUsed: true) }
        #expect(message.contains(reason), "\(message)")
    }

    @Test(arguments: [
        "cafile=x", "capath=x", "certfile=x", "certfile=x&keyfile=x", "verify=full", "servername=x", "tlsversion=1.2",
        "ciphers=x", "alpn=x",
    ])
    func optionsForTLSWithoutIt(query: String) throws {
        let message = try message(query) { _ = try $0.tls(isUsed: false) }
        #expect(message.contains("needs TLS, which this scheme does not speak"))
    }

    @Test func nothingShowsThePassPhrase() {
        let options = TLSOptions(clientCertificate: .init(chainFile: "/chain", keyFile: "/key", passPhrase: "secret"))
        var dumped = ""
        dump(options, to: &dumped)
        dump(options.clientCertificate, to: &dumped)
        for text in [dumped, "\(options)", String(reflecting: options), "\(options.clientCertificate as Any)"] {
            #expect(!text.contains("secret"))
            #expect(text.contains("/chain"))
        }
    }
}
