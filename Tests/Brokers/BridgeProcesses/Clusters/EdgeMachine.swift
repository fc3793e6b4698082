import Foundation
import IntegrationSupport
import Martlet
import MartletMQTT

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What runs on an edge machine: `martlet broker` with a store, and `martlet bridge` with one that hands on what comes there.
struct EdgeMachine {
    /// Somebody's connection to the edge's broker.
    let device: MQTTConnection
    private let bridge: ProgramRun

    /// Runs `body` with an edge machine of its own, which hands on to `url`.
    ///
    /// - Parameter routes: what it hands on, as a bridge's file says it: the beginning of each route.
    static func withMachine(
        handingOnTo url: String,
        _ routes: [String],
        _ body: (EdgeMachine) async throws -> Void
    ) async throws {
        let folder = try TemporaryFolder("edge")
        defer { folder.remove() }
        let port = try ReservedPort()
        let broker = try ProgramRun(
            ofPackage: "martlet",
            ["broker", "--port", "\(port.number)", "--store", folder.path("broker"), "--report", "1h"]
        )
        try await broker.waitForOutput(#""state":"listening""#)
        let ways = routes.enumerated().map { number, route in
            "  - {\(route), guarantee: at-least-once, store: {folder: store\(number)}, deduplication: 10000}"
        }
        let file = try folder.write(
            """
            name: edge
            from: "mqtt://127.0.0.1:\(port.number)?session=persistent"
            to: "\(url)"
            defaults: {retry: {initial: 50ms, maximum: 500ms}}
            routes:
            \(ways.joined(separator: "\n"))

            """,
            to: "bridge.yml"
        )
        let bridge = try ProgramRun(
            ofPackage: "martlet",
            ["bridge", "--config", file, "--report", "50ms", "--verbose"]
        )
        try await bridge.waitForErrors("bridging ")
        let device = try await MQTTConnection.connect(to: "mqtt://127.0.0.1:\(port.number)?client=device")
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(EdgeMachine(device: device, bridge: bridge)))
        } catch {
            result = .failure(error)
        }
        await device.close()
        bridge.send(signal: SIGTERM)
        try await bridge.waitForEnd()
        broker.send(signal: SIGTERM)
        try await broker.waitForEnd()
        try result.get()
    }

    /// What the bridge has told last of the route whose name begins so, such as how many messages are `stored`.
    func figure(_ name: String, of route: String) -> Int? {
        for line in bridge.lines.reversed() {
            guard let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
                object["state"] as? String == "running", (object["route"] as? String)?.hasPrefix(route) == true
            else { continue }
            return object[name] as? Int
        }
        return nil
    }
}
