import Martlet
import MartletTesting
import Testing

@testable import MartletMQTT

@Suite struct UserPropertyTests {
    private func roundTrip(_ name: String, _ value: HeaderValue) -> Headers {
        let property = UserProperty(name, value)
        return Headers(received: [UserProperty(name: property.name, value: property.value).header])
    }

    @Test(arguments: [
        "", "text", "Grüße 🐦", "a\nb\tc", "\u{0}", "zero\u{0}inside", "\u{1F}", "\u{7F}\u{9F}", "\u{FFFE}", "\u{FEFF}x",
        String(repeating: "x", count: 65_535),
    ])
    func everyTextComesBack(_ text: String) {
        #expect(roundTrip("name", .string(text))["name"] == .string(text))
    }

    @Test(arguments: [[], [0], [255, 0, 128], Array(0...255)] as [[UInt8]])
    func bytesComeBack(_ bytes: [UInt8]) {
        #expect(roundTrip("name", .bytes(bytes))["name"] == .bytes(bytes))
    }

    @Test func numbersAndTruthComeBackAsTheirText() {
        #expect(roundTrip("n", .integer(.min))["n"]?.integer == .min)
        #expect(roundTrip("n", .integer(.max))["n"]?.integer == .max)
        #expect(roundTrip("n", .double(0.1))["n"]?.string == "0.1")
        #expect(roundTrip("n", .boolean(true))["n"]?.string == "true")
    }

    @Test func aPropertyThatOnlyLooksEncodedIsText() {
        let headers = Headers(
            received: [
                UserProperty(name: "a;bytes", value: "not base64!").header,
                UserProperty(name: "b;text", value: "%%%").header,
                UserProperty(name: "c;text", value: "/w==").header,
            ]
        )
        #expect(headers["a;bytes"] == "not base64!")
        #expect(headers["b;text"] == "%%%")
        #expect(headers["c;text"] == "/w==", "these bytes are not UTF-8")
    }

    @Test(arguments: ["", "a\u{0}", "line\n", "\u{1}", String(repeating: "n", count: 65_536)])
    func namesThatMQTTCanNotCarryAreRefused(_ name: String) async {
        let headers: Headers = [name: "value"]
        let code = await errorCode { try UserProperty.check(headers) }
        #expect(code == .invalidArgument)
    }
}
