import Benchmark
import Foundation
import Martlet

private struct Reading: Codable, Sendable {
    var sensor = "kitchen.temperature"
    var sequence = 123_456
    var celsius = 21.5
    var isValid = true
}

/// A struct of four fields.
func codecs() {
    let reading = Reading()
    for (name, codec) in [("json", JSONCodec()), ("messagepack", MessagePackCodec())] as [(String, any Codec)] {
        Benchmark.each("\(name)-encode") { _ in blackHole(try codec.encode(reading)) }
        guard let bytes = try? codec.encode(reading) else { continue }
        Benchmark.each("\(name)-decode") { _ in blackHole(try codec.decode(Reading.self, from: bytes)) }
    }
    // Beside ours, and not judged.
    guard !countsAlone else { return }
    let encoder = JSONEncoder()
    let decoder = JSONDecoder()
    Benchmark.each("json-with-Foundation-encode") { _ in blackHole(try encoder.encode(reading)) }
    guard let data = try? encoder.encode(reading) else { return }
    Benchmark.each("json-with-Foundation-decode") { _ in blackHole(try decoder.decode(Reading.self, from: data)) }
}
