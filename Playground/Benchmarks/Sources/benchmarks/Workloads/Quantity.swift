/// What is measured.
enum Quantity: String, Sendable, Codable {
    /// Messages or calls a second.
    case rate
    /// Microseconds, the median of all calls.
    case latency
    /// Bytes of resident memory.
    case memory
    /// Bytes of resident memory for each of the count, beyond the first.
    case memoryEach

    /// What it is counted in.
    var unit: String {
        switch self {
        case .rate: "1/s"
        case .latency: "µs"
        case .memory, .memoryEach: "bytes"
        }
    }

    var isMemory: Bool { self == .memory || self == .memoryEach }

    /// As the table has it.
    func text(_ value: Double) -> String {
        switch self {
        case .rate: "\(value.grouped)/s"
        case .latency: "\(value.decimals(1)) µs"
        case .memory: "\((value / 1_048_576).decimals(1)) MiB"
        case .memoryEach: "\(value.grouped) B"
        }
    }
}
