/// What a series measures, and so how its values are written.
package enum SeriesUnit: String, Codable, Sendable {
    /// A bare number.
    case number

    /// A share from 0 to 1, written as a percentage.
    case fraction

    /// Bytes, written with the binary prefix that suits them.
    case bytes

    /// Bytes a second, written with the binary prefix that suits them.
    case bytesPerSecond

    /// A value with its unit, such as `12.5 %` or `3.2 MiB/s`.
    package func text(_ value: Double) -> String {
        switch self {
        case .number: value.formatted(decimals: 2)
        case .fraction: (value * 100).formatted(decimals: 1) + " %"
        case .bytes: Self.binary(value, unit: "B")
        case .bytesPerSecond: Self.binary(value, unit: "B/s")
        }
    }

    private static func binary(_ value: Double, unit: String) -> String {
        let prefixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi"]
        var scaled = value
        var step = 0
        // Half a tenth below 1,024 would be written as 1024.0.
        while scaled.magnitude >= 1_023.95, step < prefixes.count - 1 {
            scaled /= 1_024
            step += 1
        }
        return scaled.formatted(decimals: step == 0 ? 0 : 1) + " " + prefixes[step] + unit
    }
}
