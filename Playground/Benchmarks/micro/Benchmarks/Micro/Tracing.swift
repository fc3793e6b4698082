import Benchmark
import Logging
import Martlet

/// What saying what becomes of a message costs: where nobody reads that, it is a comparison; where somebody does, the record is
/// made and handed to a handler that throws it away.
func tracing() {
    let message = Message(Array(repeating: 7, count: 64))
    let topic = TopicName("bench.topic")
    for level in [Logger.Level.info, .trace] {
        var logger = Logger(label: "bench") { _ in Discarding() }
        logger.logLevel = level
        let runtime = ConnectionRuntime(ConnectionOptions(name: "bench", logger: logger))
        Benchmark.each(level == .trace ? "trace-that-is-read" : "trace-that-is-off") { _ in
            runtime.trace("publishing", topic.description, message)
        }
    }
}

private struct Discarding: LogHandler {
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {}
}
