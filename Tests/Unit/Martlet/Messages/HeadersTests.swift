import Testing

@testable import Martlet

@Suite(.timeLimit(.minutes(10))) struct HeadersTests {
    @Test func settingReplacingRemoving() {
        var headers: Headers = ["a": 1, "b": "x"]
        headers["a"] = 2.5
        headers["c"] = true
        headers["b"] = nil
        headers["missing"] = nil
        #expect(headers["a"] == .double(2.5))
        #expect(headers.map(\.name) == ["a", "c"])
        #expect(headers == ["c": true, "a": 2.5])
        #expect(headers.hashValue == (["c": true, "a": 2.5] as Headers).hashValue)
    }

    @Test func integersAreReadFromText() {
        let headers: Headers = ["timeout": "1500", "timestamp": 7]
        #expect(headers.timeout == .milliseconds(1500))
        #expect(headers.timestamp == 7)
    }

    @Test(arguments: [
        HeaderValue.string("soon"), .boolean(true), .bytes([1]), .double(.nan), .integer(0), .integer(-5),
        .integer(.max),
        .string("99999999999999999999"), .double(1e300),
    ])
    func wrongTypesReadAsAbsent(value: HeaderValue) {
        let headers: Headers = ["timeout": value]
        #expect(headers.timeout == nil)
    }

    @Test func bytesAreNoText() {
        let headers: Headers = ["reply-to": .bytes([0xFF]), "correlation-id": 12]
        #expect(headers.replyTo == nil)
        #expect(headers.correlationID == "12")
    }

    @Test func shortTimeoutsAreNotRoundedToNone() {
        var headers = Headers()
        headers.timeout = .nanoseconds(1)
        #expect(headers["timeout"] == 1)
        headers.timeout = .seconds(Int64.max)
        #expect(headers["timeout"] == .integer(.max))
        #expect(headers.timeout == nil)
    }

    @Test func descriptionsHideContents() {
        let message = Message("secret", headers: ["token": "secret"])
        #expect(!"\(message)".contains("secret"))
    }
}
