extension Double {
    /// The number rounded to a fixed count of decimals, with a point whatever the user's language, as in `0.50`.
    ///
    /// Numbers too large for that are written with an exponent, and those that are none as a dash.
    package func formatted(decimals: Int) -> String {
        guard isFinite else { return "–" }
        let scale = (0..<decimals).reduce(1) { scale, _ in scale * 10 }
        guard let scaled = Int(exactly: (self * Double(scale)).rounded()) else { return description }

        let magnitude = scaled.magnitude
        let whole = (scaled < 0 ? "-" : "") + String(magnitude / UInt(scale))
        guard decimals > 0 else { return whole }
        let fraction = String(magnitude % UInt(scale))
        return whole + "." + String(repeating: "0", count: decimals - fraction.count) + fraction
    }
}
