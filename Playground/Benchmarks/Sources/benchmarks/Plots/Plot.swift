/// Lines over a common axis. Both axes are logarithmic.
struct Plot {
    struct Line {
        let name: String
        /// In the order of `x`; both above zero.
        let points: [(x: Double, y: Double)]
    }

    let title: String
    let xLabel: String
    let yLabel: String
    /// How a value of the axis below is written.
    var xText: (Double) -> String = \.short
    let lines: [Line]
}

extension Double {
    /// Three digits at most, and the thousands as a letter: `250`, `1.5k`, `20M`.
    var short: String {
        let units = [(1e9, "G"), (1e6, "M"), (1e3, "k")]
        let (unit, letter) = units.first { abs(self) >= $0.0 } ?? (1, "")
        let number = self / unit
        let text = number.decimals(number >= 100 ? 0 : number >= 10 ? 1 : 2)
        guard text.contains(".") else { return text + letter }
        let digits = text.reversed().drop { $0 == "0" }.drop { $0 == "." }
        return String(digits.reversed()) + letter
    }

    /// A size in bytes: `16 B`, `4 KiB`, `1 MiB`.
    var binarySize: String {
        if self >= 1_048_576 { return "\((self / 1_048_576).short) MiB" }
        return self >= 1_024 ? "\((self / 1_024).short) KiB" : "\(short) B"
    }
}
