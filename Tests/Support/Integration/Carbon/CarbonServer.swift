/// Carbon, the metrics server of Graphite, as PyPI has it. What it has received is written down where also its death leaves it.
package final class CarbonServer: ControlledServer {
    package let process: ServerProcess
    private let lines: ReservedPort

    /// Where it listens for lines of text.
    package var port: Int { lines.number }

    /// A server that does not run yet.
    package init() throws {
        let (lines, pickle, query) = (try ReservedPort(), try ReservedPort(), try ReservedPort())
        self.lines = lines
        let folder = try TemporaryFolder("carbon")
        process = ServerProcess("carbon", in: folder, readiness: Readiness(address: .loopback(port: lines.number))) {
            let settings = """
                [cache]
                LOCAL_DATA_DIR = \(folder.path("whisper"))
                LOG_DIR = \(folder.path)
                PID_DIR = \(folder.path)
                LINE_RECEIVER_INTERFACE = 127.0.0.1
                LINE_RECEIVER_PORT = \(lines.number)
                PICKLE_RECEIVER_INTERFACE = 127.0.0.1
                PICKLE_RECEIVER_PORT = \(pickle.number)
                CACHE_QUERY_INTERFACE = 127.0.0.1
                CACHE_QUERY_PORT = \(query.number)
                ENABLE_UDP_LISTENER = False
                MAX_CREATES_PER_MINUTE = inf
                MAX_UPDATES_PER_SECOND = inf
                MAX_CACHE_SIZE = inf

                """
            let file = try folder.write(settings, to: "carbon.conf")
            _ = try folder.write("[all]\npattern = .*\nretentions = 1s:1h\n", to: "storage-schemas.conf")
            let script = try folder.write(Self.script, to: "start.py")
            // The number of a process that was killed keeps the next one from starting.
            let pid = folder.path("carbon-cache-a.pid")
            return Spawn(
                program: try await PythonEnvironment.interpreter(),
                arguments: [script, folder.path("received"), pid, "--config=\(file)", "--nodaemon", "start"],
                environment: Program.environment
            )
        }
    }

    /// Runs `body` with a server of its own, which ends with it.
    package static func withServer<Result>(_ body: (CarbonServer) async throws -> Result) async throws -> Result {
        try await CarbonServer().withRunning(body)
    }

    /// Each metric that it has received, as `name value time`, in order.
    package var received: [String] {
        Program.text(of: folder.path("received")).split(separator: "\n").map(String.init)
    }

    /// Each line that it has read, as it came. One that is killed in between has read what it has not received yet.
    package var read: [String] {
        Program.text(of: folder.path("received.read")).split(separator: "\n").map(String.init)
    }

    private static let script = """
        import os, sys
        from carbon import events
        path = sys.argv.pop(1)
        def opened(path): return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        record, raw = opened(path), opened(path + ".read")
        pid = sys.argv.pop(1)
        if os.path.exists(pid): os.remove(pid)
        def note(name, point): os.write(record, f"{name} {point[1]:g} {int(point[0])}\\n".encode())
        events.metricReceived.addHandler(note)
        from twisted.protocols.basic import LineOnlyReceiver
        take = LineOnlyReceiver.dataReceived
        def read(self, data):
            os.write(raw, data)
            return take(self, data)
        LineOnlyReceiver.dataReceived = read
        from carbon.util import run_twistd_plugin
        run_twistd_plugin("carbon-cache.py")

        """
}
