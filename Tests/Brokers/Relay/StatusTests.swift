import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletRelay

/// What a relay tells to those that watch it.
@Suite(.timeLimit(.minutes(10))) struct StatusTests {
    private func get(
        _ path: String,
        _ port: Int,
        token: String? = nil,
        method: String = "GET"
    ) async throws -> (status: Int, text: String, type: String) {
        var arguments = [
            "--silent", "--show-error", "--max-time", "60", "--write-out", "\\n%{http_code} %{content_type}",
        ]
        arguments += method == "HEAD" ? ["--head", "--output", "/dev/null"] : ["--request", method]
        if let token { arguments += ["--header", "authorization: Bearer \(token)"] }
        let curl = try Program.find("curl", package: "curl")
        let output = try await Program.run(curl, arguments + ["http://127.0.0.1:\(port)\(path)"])
        let end = output.lastIndex(of: "\n") ?? output.startIndex
        let words = output[end...].dropFirst().split(separator: " ", maxSplits: 1)
        return (Int(words.first ?? "") ?? 0, String(output[..<end]), String(words.last ?? ""))
    }

    @Test func figuresAndHealthAreTold() async throws {
        let folder = try TemporaryFolder("status")
        let broker = MemoryBroker()
        let (from, feeder) = (try await broker.connect(name: "from"), try await broker.connect(name: "feeder"))
        let to = SinkConnection(FileSink(path: folder.path("log")), options: SinkOptions(interval: .milliseconds(1)))
        let bridge = Bridge(from: from, to: to, name: "berlin") {
            Forward("a.#")
            Forward("b") { delivery in delivery.message.text == "no" ? nil : delivery.message }
        }
        let server = try await StatusServer.open(StatusServerOptions(port: 0), of: bridge)
        // It has not begun.
        #expect(try await get("/health", server.port).status == 503)
        try await bridge.whileRunning {
            for topic: TopicName in ["a.x", "a.y", "b"] { try await feeder.publish(Message("1"), to: topic) }
            try await feeder.publish(Message("no"), to: "b")
            try await until { bridge.reports.map(\.statistics.forwarded) == [2, 1] }
            let metrics = try await get("/metrics?x=y", server.port)
            #expect(metrics.status == 200)
            #expect(metrics.type == "text/plain; version=0.0.4; charset=utf-8")
            let lines = metrics.text.split(separator: "\n").map(String.init)
            let route = bridge.reports[0].plan.name
            for line in [
                "# TYPE martlet_route_received_total counter", "# TYPE martlet_route_in_flight gauge",
                #"martlet_route_forwarded_total{bridge="berlin",route="\#(route)"} 2"#,
                #"martlet_route_up{bridge="berlin",route="\#(route)"} 1"#,
                #"martlet_link_up{bridge="berlin",side="to"} 1"#,
            ] { #expect(lines.contains(line), "\(metrics.text)") }
            #expect(lines.count { $0.hasPrefix("martlet_route_filtered_total{") && $0.hasSuffix(" 1") } == 1)
            // Each metric once, and each line is a comment or a sample.
            let types = lines.filter { $0.hasPrefix("# TYPE ") }
            #expect(Set(types).count == types.count)
            let sample = /[a-z_]+\{[a-z]+="([^"\\\n]|\\[\\n"])*"(,[a-z]+="([^"\\\n]|\\[\\n"])*")*\} -?[0-9.e+-]+/
            for line in lines where !line.hasPrefix("# ") { #expect(line.wholeMatch(of: sample) != nil, "\(line)") }

            let health = try await get("/health", server.port)
            #expect(health.status == 200)
            #expect(try JSON(parsing: Array(health.text.utf8))["status"] == "ok")
            #expect(try await get("/metrics", server.port, method: "HEAD").text == "")
            #expect(try await get("/", server.port).status == 404)
            #expect(try await get("/metrics", server.port, method: "POST").status == 405)
        }
        #expect(try await get("/health", server.port).status == 200)
        await server.close()
        for connection in [from, feeder] { await connection.close() }
        await to.close()
    }

    @Test func figuresMayBeForThoseWithATokenAlone() async throws {
        let broker = MemoryBroker()
        let (from, to) = (try await broker.connect(name: "from"), try await broker.connect(name: "to"))
        let bridge = Bridge(from: from, to: to, name: "b") { Forward("a", as: "b") }
        let options = StatusServerOptions(port: 0, token: "s3sam3", maximumClients: 1)
        let server = try await StatusServer.open(options, of: bridge)
        #expect(try await get("/metrics", server.port).status == 401)
        #expect(try await get("/metrics", server.port, token: "no").status == 401)
        #expect(try await get("/metrics", server.port, token: "s3sam3").status == 200)
        #expect(try await get("/health", server.port).status == 503)
        #expect(
            await errorCode { _ = try await StatusServer.open(StatusServerOptions(port: server.port), of: bridge) }
                == .notConnected
        )
        await server.close()
        for connection in [from, to] { await connection.close() }
    }

    @Test func namesAreEscaped() {
        var text = PrometheusText()
        text.add("a_total", .counter, "One\nand \\.", [.init(labels: ["route": "a\"b\\c\nd"], value: 0.5)])
        text.add("b", .gauge, "None.", [])
        #expect(
            text.text == #"""
                # HELP a_total One\nand \\.
                # TYPE a_total counter
                a_total{route="a\"b\\c\nd"} 0.5

                """#
        )
    }
}
