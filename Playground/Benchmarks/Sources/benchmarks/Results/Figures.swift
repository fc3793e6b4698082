import Foundation

/// What a program says at its end, in its last line.
struct Figures: Codable, Sendable, Hashable {
    /// Messages or calls a second.
    var rate: Double?
    var seconds: Double?
    /// What the whole process has used, its start included.
    var cpuSeconds: Double?
    /// Microseconds.
    var median: Double?
    var p99: Double?
    var bytes: Double?

    init(rate: Double? = nil, cpuSeconds: Double? = nil, bytes: Double? = nil) {
        self.rate = rate
        self.cpuSeconds = cpuSeconds
        self.bytes = bytes
    }

    /// Reads a program's output; `nil` if its last line is something else.
    init?(output: String) {
        guard let line = output.split(separator: "\n").last,
            let figures = try? JSONDecoder().decode(Self.self, from: Data(line.utf8))
        else { return nil }
        self = figures
    }

    subscript(quantity: Quantity) -> Double? {
        switch quantity {
        case .rate: rate
        case .latency: median
        case .memory, .memoryEach: bytes
        }
    }
}
