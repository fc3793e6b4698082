/// Sizes as people write them: `64MiB`, `512KiB`, `10MB`, and `1000` for bytes.
package enum SizeText {
    private static let units: KeyValuePairs<String, Int> = [
        "GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10, "TiB": 1 << 40,
        "kB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000, "TB": 1_000_000_000_000,
        "B": 1, "": 1,
    ]

    /// `nil` if it is none, or more than there can be.
    package static func bytes(_ text: String) -> Int? {
        let number = text.prefix { $0.isASCII && $0.isNumber }
        guard (1...18).contains(number.count), let count = Int(number),
            let unit = units.first(where: { $0.key == text[number.endIndex...] })
        else { return nil }
        let (bytes, isTooMuch) = count.multipliedReportingOverflow(by: unit.value)
        return isTooMuch ? nil : bytes
    }

    /// As it would be written.
    package static func text(_ bytes: Int) -> String {
        for (name, unit) in [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
        where bytes >= unit && bytes.isMultiple(of: unit) {
            return "\(bytes / unit)\(name)"
        }
        return "\(bytes)B"
    }
}
