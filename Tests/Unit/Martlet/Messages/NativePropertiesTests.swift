import Testing

@testable import Martlet

@Suite struct NativePropertiesTests {
    private func headers(_ came: [(String, HeaderValue)]) -> Headers {
        let fields = came.map { (name: $0.0, value: $0.1) }
        var headers = Headers(received: fields)
        headers.native = NativeProperties(fields: fields)
        return headers
    }

    private func list(_ headers: Headers) -> [String] { headers.all.map { "\($0.name)=\($0.value)" } }

    @Test func aNameThatCameSeveralTimesGoesOnAsOften() {
        let headers = headers([("k", "1"), ("x", "y"), ("k", "2"), ("k", "1")])
        #expect(list(headers) == ["k=1", "x=y", "k=2", "k=1"])
        #expect(headers["k"] == "1")
        #expect(headers.count == 2)
        #expect(list(["a": "b"]) == ["a=b"])
    }

    @Test func whatIsChangedAfterwardsCounts() {
        var headers = headers([("k", "1"), ("x", "y"), ("k", "2")])
        headers["k"] = "3"
        headers["new"] = "n"
        #expect(list(headers) == ["x=y", "k=3", "new=n"])
        headers["x"] = nil
        headers["k"] = nil
        #expect(list(headers) == ["new=n"])
    }

    @Test func theDiskKeepsThem() throws {
        let time: Int64 = 1_700_000_000_000_000_000
        var message = Message("x")
        message.headers = headers([("k", "1"), ("k", "2")])
        message.headers.native = NativeProperties(
            fields: [("k", "1"), ("k", "2")],
            isText: true,
            expires: .now + .seconds(100)
        )
        let read = message.packed(at: time).unpacked(at: time + 10_000_000_000)
        #expect(read == message)
        #expect(list(read.headers) == ["k=1", "k=2"])
        let native = try #require(read.headers.native)
        #expect(native.isText == true)
        let left = try #require(native.expires) - .now
        #expect(left > .seconds(60) && left <= .seconds(90))
        #expect(Message("plain").packed(at: time).unpacked(at: time).headers.native == nil)
    }
}
