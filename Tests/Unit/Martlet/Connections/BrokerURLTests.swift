import Martlet
import MartletTesting
import Testing

@Suite struct BrokerURLTests {
    @Test func everyPart() throws {
        let url = try BrokerURL(
            "MQTTS://us%40er:p%3A%2Fw%C3%A9@Host.example:8883,[::1]:1,10.0.0.1/a%2Fb?x=1&y=a%26b&z&x="
        )
        #expect(url.scheme == "mqtts")
        #expect(url.user == "us@er")
        #expect(url.password == "p:/wé")
        #expect(url.hosts == [.init("host.example", port: 8883), .init("::1", port: 1), .init("10.0.0.1")])
        #expect(url.path == "/a/b")
        #expect(url.query == [.init("x", "1"), .init("y", "a&b"), .init("z", ""), .init("x", "")])
    }

    @Test(arguments: [
        ("mqtt://h", BrokerURL(scheme: "mqtt", hosts: [.init("h")])),
        ("mqtt://h:", BrokerURL(scheme: "mqtt", hosts: [.init("h")])),
        ("mqtt://h:1", BrokerURL(scheme: "mqtt", hosts: [.init("h", port: 1)])),
        ("mqtt://h:00065535", BrokerURL(scheme: "mqtt", hosts: [.init("h", port: 65_535)])),
        ("amqp://h/", BrokerURL(scheme: "amqp", hosts: [.init("h")], path: "/")),
        ("amqp://Ho%61%53t:1,h", BrokerURL(scheme: "amqp", hosts: [.init("hoast", port: 1), .init("h")])),
        ("amqp://h/%2f", BrokerURL(scheme: "amqp", hosts: [.init("h")], path: "//")),
        ("amqp://:@h", BrokerURL(scheme: "amqp", user: "", password: "", hosts: [.init("h")])),
        ("amqp://u@h", BrokerURL(scheme: "amqp", user: "u", hosts: [.init("h")])),
        ("amqp://u:a:b@h", BrokerURL(scheme: "amqp", user: "u", password: "a:b", hosts: [.init("h")])),
        ("amqp://ü:é@h", BrokerURL(scheme: "amqp", user: "ü", password: "é", hosts: [.init("h")])),
        ("amqp://u:p\u{301}@h", BrokerURL(scheme: "amqp", user: "u", password: "p\u{301}", hosts: [.init("h")])),
        ("mqtt://h?", BrokerURL(scheme: "mqtt", hosts: [.init("h")])),
        ("mqtt://h?&a=b=c&&", BrokerURL(scheme: "mqtt", hosts: [.init("h")], query: [.init("a", "b=c")])),
        ("mqtt://h?a=+", BrokerURL(scheme: "mqtt", hosts: [.init("h")], query: [.init("a", "+")])),
        ("mqtt://h?will=a@b", BrokerURL(scheme: "mqtt", hosts: [.init("h")], query: [.init("will", "a@b")])),
        ("unix:///run/r.sock", BrokerURL(scheme: "unix", hosts: [], path: "/run/r.sock")),
        ("redis+unix://u:p@/r", BrokerURL(scheme: "redis+unix", user: "u", password: "p", hosts: [], path: "/r")),
        ("a://[FE80::1%25Eth0]:2", BrokerURL(scheme: "a", hosts: [.init("fe80::1%Eth0", port: 2)])),
        ("a://[::]", BrokerURL(scheme: "a", hosts: [.init("::")])),
        ("a://[::ffff:1.2.3.4]", BrokerURL(scheme: "a", hosts: [.init("::ffff:1.2.3.4")])),
        ("a://[1:2:3:4:5:6:7:8]", BrokerURL(scheme: "a", hosts: [.init("1:2:3:4:5:6:7:8")])),
        ("a://[1:2:3:4:5:6:7::]", BrokerURL(scheme: "a", hosts: [.init("1:2:3:4:5:6:7::")])),
    ])
    func parses(text: String, expected: BrokerURL) throws {
        #expect(try BrokerURL(text) == expected)
    }

    @Test(arguments: [
        ("", "begins with a scheme"), ("localhost", "begins with a scheme"), ("mqtt:/h", "begins with a scheme"),
        ("u:secret@h://x", "begins with a scheme"),
        ("://h", "the scheme"), ("1a://h", "the scheme"), ("m_q://h", "the scheme"), ("é://h", "the scheme"),
        ("mqtt://", "names no host"), ("mqtt:///a", "names no host"), ("mqtt://u:secret@", "names no host"),
        ("mqtt://h,", "a host of mqtt://h, is empty"), ("mqtt://,h", "is empty"), ("mqtt://:1", "is empty"),
        ("mqtt://h:99999", "the port 99999 of mqtt://h:99999 is not between 1 and 65535"),
        ("mqtt://u:secret@h:99999", "the port 99999 of mqtt://u:***@h:99999 is not between 1 and 65535"),
        ("mqtt://h:0", "the port 0 of"), ("mqtt://h:99999999999999999999999", "is not between 1 and 65535"),
        ("mqtt://h:-1", "the port \"-1\" of mqtt://h:-1 is not a number"), ("mqtt://h:x", "is not a number"),
        ("mqtt://h:+1", "is not a number"), ("mqtt://h:1\u{301}", "is not a number"),
        ("mqtt://::1", "more than one colon"), ("mqtt://a:1:2", "more than one colon"),
        ("mqtt://[::1", "no closing bracket"), ("mqtt://[::1]1", "after the address in brackets"),
        ("mqtt://[h]", "is not an IPv6 address"), ("mqtt://[]", "is not an IPv6 address"),
        ("mqtt://[1:2:3:4:5:6:7:8:9]", "is not an IPv6"), ("mqtt://[1:2:3:4:5:6:7]", "is not an IPv6"),
        ("mqtt://[1::2::3]", "is not an IPv6"), ("mqtt://[:::1]", "is not an IPv6"),
        ("mqtt://[12345::]", "is not an IPv6"),
        ("mqtt://[1:2:3:4:5:6:7:8::]", "is not an IPv6"), ("mqtt://[1.2.3.4::]", "is not an IPv6"),
        ("mqtt://[::1.2.3.256]", "is not an IPv6"), ("mqtt://[::01.2.3.4]", "is not an IPv6"),
        ("mqtt://[::+1]", "is not an IPv6"), ("mqtt://[::-1]", "is not an IPv6"), ("mqtt://[::1%25]", "is not an IPv6"),
        ("mqtt://[::1%eth0]", "is not an IPv6"),
        ("mqtt://h%2F", "is not one"), ("mqtt://h%C3%A9", "is not one"), ("mqtt://h%4", "is not one"),
        ("mqtt://h%00", "is not one"), ("mqtt://h%3A1", "is not one"), ("mqtt://h%2Ch", "is not one"),
        ("mqtt://h!", "is not one"), ("mqtt://hé", "is not one"),
        ("mqtt://h/a b", "white space"), ("mqtt://h\u{0}", "U+0"), ("mqtt://h/\n", "U+A"), ("mqtt://h\u{7F}", "U+7F"),
        ("mqtt://h/a\u{2028}", "U+2028"), ("mqtt://\u{202E}h", "U+202E"),
        ("mqtt://h/%", "holds a '%'"), ("mqtt://h/%4", "holds a '%'"), ("mqtt://h/%4x", "holds a '%'"),
        ("mqtt://h/%+1", "holds a '%'"), ("mqtt://h/%FF", "is not UTF-8"),
        ("mqtt://h/%00", "is not UTF-8, or holds U+0"),
        ("mqtt://u:secret%@h", "the password of mqtt://…"), ("mqtt://secret%:x@h", "the user of mqtt://…"),
        ("mqtt://u:secret%C3@h", "the password of mqtt://… is not UTF-8"),
        ("mqtt://h?a=secret%", "the value of an option of"), ("mqtt://h?=1", "has no name"),
        ("mqtt://h?a%=", "holds a '%'"),
        ("mqtt://h?a=1#f", "'#'"), ("mqtt://h#f", "'#'"), ("mqtt://h/#f", "'#'"),
        // A password whose special characters are not escaped.
        ("mqtt://u:sec@secret@h", "written %40"), ("mqtt://u:secret/x@h", "%2F"), ("mqtt://u:1/secret@h", "%2F"),
        ("mqtt://u:secret?x@h", "%3F"), ("mqtt://u:secret?x=y@h", "%3F"), ("mqtt://u:1?secret@h", "%3F"),
        ("mqtt://u:secret#x@h", "%23"), ("mqtt://u:1/?#secret@h", "%23"), ("mqtt://[secret:x/@h", "%2F"),
        ("mqtt://u:secret@\u{301}h", "is not one"),
    ])
    func refuses(text: String, reason: String) {
        let error = #expect(throws: MessagingError.self) { try BrokerURL(text) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("secret") == false, "\(error?.message ?? "")")
    }

    @Test func nothingShowsThePassword() throws {
        let url = try BrokerURL("mqtt://u:secret@h:1/p%2Fq%20?keypassword=secret&token=secret&a=b%26")
        #expect(url.description == "mqtt://u:***@h:1/p/q%20?keypassword=***&token=***&a=b%26")
        var dumped = ""
        dump(url, to: &dumped)
        dump([url.options()], to: &dumped)
        let shown = [
            dumped, "\(url)", String(reflecting: url), "\([url])", "\(Optional(url) as Any)", "\(url.options())",
        ]
        for text in shown { #expect(!text.contains("secret")) }
        #expect(try BrokerURL("amqp://:@h").description == "amqp://:***@h")
        #expect(try BrokerURL("amqp://u@[fe80::1%25e0]:2,h").description == "amqp://u@[fe80::1%25e0]:2,h")
    }

    /// Mutated URLs, and bytes from anywhere: each is a URL or an error. What is a URL is one again when its description is
    /// parsed, and the same, apart from its secrets. No error is long.
    @Test(.onOneThread, arguments: 0..<8)
    func anyTextIsAURLOrAnError(seed: Int) throws {
        let seeds = [
            "mqtt://user:secret@host:1883,host2:2/path/to?keepalive=30s&name=a%20b", "unix:///run/redis.sock?db=1",
            "amqps://[fe80::1%25eth0]:5671/%2F?cafile=/etc/ca.pem", "redis://:p%40@a,b,c:3/0#x",
        ]
        let pieces = [
            "@", ":", "/", "?", "#", "[", "]", "%", "%25", "%00", "%FF", ",", "&", "=", "::", "://", " ", "é",
            "\u{301}",
            "\u{0}", "99999", "0", "1.2.3.4", "👩‍👩‍👧", "\r\n", "+unix",
        ]
        var generator = SplitMix64(seed: UInt64(seed))
        var parsed = 0
        for _ in 0..<5_000 {
            var bytes = Array((seeds.randomElement(using: &generator) ?? "").utf8)
            for _ in 0..<Int.random(in: 0...6, using: &generator) {
                let index = Int.random(in: 0...bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes.insert(contentsOf: (pieces.randomElement(using: &generator) ?? "").utf8, at: index)
                case 1: bytes.removeSubrange(index..<min(bytes.count, index + Int.random(in: 0...9, using: &generator)))
                case 2: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: index)
                default: bytes.insert(contentsOf: bytes[index...].prefix(12), at: index)
                }
            }
            let text = String(decoding: bytes, as: UTF8.self)
            do {
                let url = try BrokerURL(text)
                parsed += 1
                var expected = url
                expected.password = url.password.map { _ in "***" }
                for index in expected.query.indices where BrokerURL.isSecret(expected.query[index].name) {
                    expected.query[index].value = "***"
                }
                let again = try BrokerURL(url.description)
                // An escaped slash in a path is a slash in its description.
                #expect(again == expected, "\(text.debugDescription)")
                #expect(try BrokerURL(url.written) == url, "\(text.debugDescription)")
            } catch let error as MessagingError {
                #expect(error.code == .invalidArgument)
                #expect(error.message.count < 600, "\(text.debugDescription)")
            }
        }
        #expect(parsed > 500)
    }

    /// A hundred times the text takes no more than a hundred times as long; if it took the square, this would not end.
    @Test(.onOneThread, arguments: ["a:1,", "%41", "[::1],", "&a=b", "@", "/", ":", "\u{301}"])
    func longTextIsTakenApartInOnePass(piece: String) {
        let many = String(repeating: piece, count: 100_000)
        for text in ["mqtt://\(many)", "mqtt://u:\(many)@h", "mqtt://h/\(many)", "mqtt://h?\(many)", many] {
            do {
                _ = try BrokerURL(text)
            } catch {
                #expect("\(error)".count < 1_000)
            }
        }
    }
}
