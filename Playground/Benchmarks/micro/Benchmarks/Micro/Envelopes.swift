import Benchmark
import Martlet

/// A request with its headers as one JSON text.
func envelopes() {
    var message = Message(#"{"sensor":"kitchen.temperature","sequence":123456,"celsius":21.5,"isValid":true}"#)
    message.headers.correlationID = "bench-17"
    message.headers.replyTo = "rpc-4711"
    let request = message
    Benchmark.each("envelope-wrap") { _ in
        blackHole(Envelope.wrap(request, for: .call, now: 1_795_225_731_391_319_550))
    }
    let bytes = Envelope.wrap(request, for: .call, now: 1_795_225_731_391_319_550)
    Benchmark.each("envelope-unwrap") { _ in blackHole(Envelope.unwrap(bytes, from: .call)) }
}
