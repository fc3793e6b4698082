extension Duration {
    /// At most a century: longer means for ever, and sums of such times stay in range.
    package var capped: Duration { min(self, .seconds(3_155_760_000)) }

    /// In whole milliseconds, rounded up, so that a short time does not become none.
    package var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, sumOverflow) = product.addingReportingOverflow(
            (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        )
        return sumOverflow ? .max : sum
    }

    /// In nanoseconds; the most or the least where they are more or less.
    package var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, isTooLarge) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflows) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        return isTooLarge || overflows ? (seconds < 0 ? .min : .max) : sum
    }

    /// In seconds.
    package var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
